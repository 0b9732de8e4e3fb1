# Appareils : liste, page, modification, lieu, WiFi, étalonnage, lecture du QR code.

## Liste
devices-search = Rechercher un appareil
devices-search-label = Rechercher parmi les appareils
devices-not-found = Aucun appareil ne correspond
devices-not-found-text = Cherchez un nom, un numéro de série ou une personne, ou effacez la recherche.
status-connecting = Connexion…
column-actions = Actions
assigned-others = { $n ->
    [one] et une autre personne
   *[other] et { $n } autres personnes
}
assigned-since = depuis le { $date }
device-edit = Modifier

## Page
device-registered = Clé reçue le
device-totals = Utilisation
totals-treatments = Traitements
totals-time = Temps total
totals-average = Durée moyenne
totals-success = Taux de réussite
totals-hint = Taux de réussite : traitements terminés parmi les terminés et les interrompus.
device-recent = Derniers traitements
device-recent-none = Aucun traitement n’a encore été conduit avec cet appareil.
device-all-treatments = Tous ses traitements

## Lieu
place-title = Lieu approximatif
place-lead = Déduit de l’adresse réseau de l’appareil, à quelques dizaines de kilomètres près.
place-hint = Le lieu est cherché dans un fichier de ce serveur : personne d’autre n’est interrogé. L’adresse et le lieu sont oubliés 30 jours après le dernier contact.
place-unknown = Inconnu
place-not-found = Le fichier des lieux ne connaît pas cette adresse. C’est normal pour un réseau privé.
place-no-file = Aucun fichier des lieux n’est configuré sur ce serveur : le lieu reste inconnu.
place-city = Ville
place-region = Région
place-country = Pays
place-ip = Adresse IP
place-updated = Dernière mise à jour
place-written = Lieu noté
place-map = Carte : le point indique le lieu approximatif
place-more = Voir le lieu

## WiFi
wifi-title = Réseaux WiFi
wifi-lead = Quatre réseaux au plus. L’appareil les essaie dans l’ordre. Un mot de passe enregistré n’est plus jamais affiché : laissez le champ vide pour le garder.
wifi-slot = Réseau { $n }
wifi-slot-set = Configuré
wifi-slot-empty = Emplacement libre
wifi-ssid = Nom du réseau (SSID)
wifi-password = Mot de passe du réseau
wifi-password-hint = 8 à 63 caractères
wifi-password-kept = Ce réseau est enregistré. Laissez vide pour garder son mot de passe.
wifi-open = Réseau ouvert, sans mot de passe
wifi-save = Enregistrer les réseaux
wifi-edit = Modifier les réseaux
wifi-nothing = Aucun réseau n’a encore été enregistré ici.
wifi-applied = L’appareil utilise la version { $version } depuis le { $date }.
wifi-waiting = L’appareil n’a pas encore repris la version { $wanted }, enregistrée le { $date }.
wifi-has = Il utilise la version { $applied }.
wifi-never-said = Il n’a encore rien signalé.
wifi-error-priority = Un appareil garde quatre réseaux au plus, chacun à sa place de 1 à 4.
wifi-error-ssid = Donnez au réseau un nom de 1 à 32 octets, sans caractère de contrôle.
wifi-error-twice = Ce réseau est déjà dans la liste.
wifi-error-password = Le mot de passe a 8 à 63 caractères, ou 64 chiffres hexadécimaux. Saisissez-le à nouveau.
wifi-error-password-missing = Saisissez le mot de passe de ce réseau, ou cochez « Réseau ouvert ».

## Modification
device-edit-title = Modifier { $name }

## Étalonnage
calibration-title = Étalonnage
calibration-lead = Valeur enregistrée = valeur brute × pente + décalage. Chaque changement crée une version ; chaque mesure garde la sienne.
calibration-slope-hint = De 0,9 à 1,1, six décimales au plus
calibration-intercept-hint = De −5 à 5 °C, quatre décimales au plus
calibration-save = Enregistrer l’étalonnage
calibration-version = Étalonnage, version { $version }
calibration-versions = Versions
calibration-column-version = Version
calibration-column-since = Depuis
calibration-as-it-came = à la livraison
calibration-error-slope = La pente est un nombre de 0,9 à 1,1 avec six décimales au plus, par exemple 1,0025.
calibration-error-intercept = Le décalage est un nombre de −5 à 5 °C avec quatre décimales au plus, par exemple −0,125.
calibration-error-running = Un traitement est en cours sur cet appareil. Étalonnez-le une fois le traitement terminé.

## Libération
release-title = Libérer l’appareil
release-text = L’appareil quitte la licence : sa clé cesse de fonctionner, ses réseaux et ses assignations sont effacés. Les traitements et leurs mesures restent.
release-running = Un traitement est en cours : terminez-le d’abord.
release-submit = Libérer l’appareil
release-confirm-title = Libérer { $name } ?
release-confirm-text = Pour revenir, il devra être ajouté à nouveau avec le code de son étiquette.

## QR code
scan-title = Lire le QR code
scan-lead = Tenez l’étiquette de l’appareil devant la caméra. L’image ne quitte pas votre navigateur.
scan-start = Ouvrir la caméra
scan-stop = Fermer la caméra
scan-torch = Lampe
scan-view = Image de la caméra
scan-asking = Autorisez la caméra dans votre navigateur.
scan-looking = Cherche un QR code…
scan-found = QR code lu. Donnez un nom à l’appareil, puis ajoutez-le.
scan-other = Ce QR code n’est pas celui d’un appareil. Essayez l’étiquette au dos du thermomètre.
scan-refused = La caméra est refusée. Autorisez-la dans les réglages du navigateur, ou saisissez le numéro et le code ci-dessous.
scan-none = Aucune caméra n’a été trouvée. Saisissez le numéro et le code ci-dessous.
scan-busy = La caméra est utilisée par une autre application. Fermez-la puis réessayez, ou saisissez le numéro ci-dessous.
scan-unable = La caméra ne peut pas être lue ici. Saisissez le numéro et le code ci-dessous.

## Confirmations
notice-wifi-saved = Les réseaux sont enregistrés. L’appareil les reprend à son prochain contact.
notice-calibrated = L’étalonnage est enregistré.
notice-released = L’appareil est libéré.
notice-release-refused = Un traitement est en cours sur cet appareil : il n’a pas été libéré.
