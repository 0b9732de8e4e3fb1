# PhysioTraq. Les valeurs de température arrivent déjà mises en forme, avec leur unité.

## Rôles et navigation
role-admin = Responsable de la licence
role-operator = Opérateur
nav-home = Accueil
nav-monitor = Suivi en direct
nav-treatments = Mes traitements
nav-devices = Appareils
nav-all-treatments = Tous les traitements

## États
status-online = En ligne
status-offline = Hors ligne
status-unknown = Jamais connecté
treatment-status-in-progress = En cours
treatment-status-completed = Terminé
treatment-status-aborted = Interrompu
never-seen = jamais
seen-seconds = il y a { $n } s
seen-minutes = il y a { $n } min
seen-hours = il y a { $n } h
seen-days = { $n ->
    [one] il y a un jour
   *[other] il y a { $n } jours
}
last-seen = Dernier contact
no-value = –
band-normal = Température normale
band-watch = À surveiller
band-critical = Critique
quality-low = fiabilité faible
quality-implausible = Valeur non plausible
refresh-lost = La mise à jour automatique est interrompue : ces valeurs ne sont plus actuelles.

## Patient
anonymous-session = Anonyme #{ $session }
anonymous = Anonyme
name-unavailable = Nom indisponible
identity = Patient
sex-male = Homme
sex-female = Femme
sex-other = Autre
sex-short-male = H
sex-short-female = F
sex-short-other = A
not-specified = Non précisé
patient-first-name = Prénom du patient
patient-last-name = Nom du patient
patient-age = Âge
patient-age-hint = En années révolues
patient-sex = Sexe
patient-weight = Poids
patient-weight-hint = En kilogrammes, par exemple 72,5
notes = Notes
notes-hint = Contexte de la séance, consignes, observations
anonymize = Traitement anonyme
anonymize-hint = Aucun nom n’est enregistré ; un identifiant de séance le remplace.

## Accueil et choix de l’appareil
home-title = Tableau de bord
start-new-treatment = Démarrer un traitement
home-running = Traitements en cours
home-devices = Mes appareils
home-recent = Derniers traitements
home-all-treatments = Voir tous mes traitements
choose-title = Suivi en direct
choose-lead = Choisissez l’appareil à suivre. Un traitement ne démarre que sur un appareil en ligne et libre.
choose-other-device = Choisir un autre appareil
resume-treatment = Reprendre le suivi
new-treatment = Nouveau traitement
open-live-screen = Écran en direct
device-in-use = Utilisé par une autre personne
device-in-use-by = Utilisé par { $name }
devices-none = Aucun appareil
devices-none-operator = Aucun appareil ne vous est assigné. Demandez-en un au responsable de la licence.
devices-none-admin = Ajoutez votre premier thermomètre avec son numéro de série et le code de son étiquette.
devices-no-match = Aucun appareil dans cet état
devices-no-match-text = Choisissez « Tous » pour revoir l’ensemble de vos appareils.

## Nouveau traitement
step-device = Appareil
step-patient = Patient
step-unit = Unité de température
unit-celsius = Degrés Celsius (°C)
unit-fahrenheit = Degrés Fahrenheit (°F)
start = Démarrer

## Écran en direct
live-no-treatment = Aucun traitement en cours sur cet appareil
live-no-value = Aucune mesure reçue
live-elapsed = Temps écoulé
live-age = il y a { $age }
live-now = En direct
live-stale = Mesure ancienne : il y a { $age }
live-offline = Appareil hors ligne : dernier contact il y a { $age }
live-offline-never = Appareil hors ligne : il ne s’est encore jamais connecté
live-cut = Connexion perdue, reconnexion…
live-view-title = Évolution
view-label = Affichage
view-chart = Courbe
view-numbers = Chiffres
reliability = Fiabilité
battery = Batterie
wifi = WiFi
firmware = Micrologiciel
last-update = Dernière mesure
screen = Écran
screen-awake = Reste allumé
screen-may-sleep = Peut se mettre en veille
stop = ARRÊTER
stop-confirm-title = Arrêter le traitement ?
stop-confirm-text = La séance est enregistrée comme terminée. Les mesures suivantes n’en feront plus partie.
stop-confirm-yes = Arrêter maintenant
abort = Interrompre la séance
abort-confirm-title = Interrompre la séance ?
abort-confirm-text = La séance est enregistrée comme interrompue, avec les mesures déjà reçues.
abort-confirm-yes = Interrompre
numbers-maximum = Maximum
numbers-minimum = Minimum
numbers-change = Variation sur 5 min
numbers-recent = Dernières mesures

## Alertes
banner-watch = Surveiller de près
banner-critical = TEMPÉRATURE CRITIQUE
banner-stop = ARRÊTEZ MAINTENANT
alert-crossed = Seuil de { $limit } franchi : { $value }
alert-acknowledged-by = Acquittée par { $name }
alert-not-acknowledged = Non acquittée
alert-no-data = Plus aucune mesure : vérifiez le thermomètre et le réseau
alert-low-reliability = Mesure peu fiable : vérifiez la sonde
alert-escalated = signalée à nouveau
acknowledge-technical = Acquitter
banner-technical = Alerte technique
alert-silent = Son coupé encore { $time }
acknowledge-level = Acquitter l’alerte { $level } °C
acknowledge-failed = L’acquittement n’a pas été enregistré. Réessayez.
sound-enable = Activer le son
alert-flag-39 = Alerte 39 °C
alert-flag-40 = Alerte 40 °C
alerts-title = Alertes
alerts-none = Aucune alerte pendant ce traitement.

## Courbe
curve-title = Courbe de température
curve-loading = Chargement de la courbe…
curve-failed = La courbe n’a pas pu être chargée. Rechargez la page.
curve-empty = Aucune mesure à afficher pour le moment.
curve-needs-script = La courbe a besoin de JavaScript. Les valeurs restent affichées sur cette page.
curve-summary = Courbe de température : { $count } mesures, maximum { $max }. Le tableau des mesures suit.
legend-temperature = Température
legend-watch = Seuil 39 °C
legend-critical = Seuil 40 °C
legend-low-quality = Mesure peu fiable
legend-alert = Alerte
zoom-out = Toute la courbe
replay-play = Rejouer la séance
replay-pause = Mettre en pause
replay-speed = Vitesse
replay-position = Position dans la séance
replay-gap = Aucune mesure à cet instant

## Traitements
treatments-lead = Vos séances, de la plus récente à la plus ancienne.
treatments-lead-admin = Toutes les séances de la licence, par tous les opérateurs.
treatments-caption = Traitements, du plus récent au plus ancien
treatments-count = { $count ->
    [0] Aucun traitement
    [one] Un traitement
   *[other] { $count } traitements
}
treatments-none = Aucun traitement pour l’instant
treatments-none-text = Vos séances apparaîtront ici dès la première mesure.
treatments-no-match = Aucun traitement ne correspond
treatments-no-match-text = Élargissez la période ou effacez les filtres.
filters-label = Filtrer les traitements
filter-search = Rechercher
filter-search-example = Séance ou nom de famille
filter-all = Tous
filter-all-devices = Tous les appareils
filter-all-operators = Tous les opérateurs
filter-all-statuses = Tous les états
filter-from = Du
filter-to = Au
filter-submit = Filtrer
filter-clear = Effacer les filtres
export-list = Exporter la liste (CSV)
export-measurements = Exporter les mesures (CSV)
column-session = Séance
column-patient = Patient
column-device = Appareil
column-operator = Opérateur
column-duration = Durée
column-maximum = Température maximale
column-status = État
column-time = Heure
column-temperature = Température
column-mark = Remarque
column-assigned = Assigné à

## Détail d’un traitement
back-to-treatments = Retour aux traitements
treatment-heading = Traitement
summary = Résumé
started-at = Début
ended-at = Fin
still-running = En cours
events-title = Journal
events-none = Aucun événement enregistré.
measurements-title = Mesures
measurements-count = Nombre de mesures
measurements-interval = Intervalle moyen
measurements-low = Mesures peu fiables
measurements-late = Mesures reçues en retard
measurements-sample = { $count ->
    [one] La première mesure ; l’export contient l’ensemble.
   *[other] Les { $count } premières mesures ; l’export contient l’ensemble.
}
measurements-none = Aucune mesure
measurements-none-text = Aucune mesure n’a été reçue pendant ce traitement.
mark-low = Fiabilité faible
mark-implausible = Non plausible
mark-late = Reçue en retard

## Journal
event-device-connected = Appareil connecté
event-device-disconnected = Appareil déconnecté
event-treatment-started = Traitement démarré
event-treatment-completed = Traitement terminé
event-treatment-aborted = Traitement interrompu
event-alert-temperature-39 = Alerte : 39 °C atteints
event-alert-temperature-40 = Alerte : 40 °C atteints
event-alert-acknowledged = Alerte acquittée
event-alert-no-data = Plus aucune mesure
event-alert-low-reliability = Mesure peu fiable
event-alert-escalated = Alerte signalée à nouveau
event-license-renewed = Licence renouvelée
event-license-expired = Licence expirée

## Appareils
devices-filter = Filtrer les appareils par état
device-add = Ajouter un appareil
device-add-lead = Le numéro de série et le code secret figurent sur l’étiquette de l’appareil ; le QR code contient les deux.
device-add-submit = Ajouter l’appareil
back-to-devices = Retour aux appareils
serial-number = Numéro de série
serial-number-hint = Par exemple PT-2025-00123
claim-secret = Code secret de l’étiquette
claim-secret-hint = Il prouve que l’appareil est entre vos mains.
device-name = Nom de l’appareil
device-name-hint = Celui que votre équipe verra, par exemple CoreTraQer005
device-rename = Enregistrer le nom
device-identity = Identité et étalonnage
mac-address = Adresse MAC
device-claimed = Ajouté le
calibration-slope = Pente d’étalonnage
calibration-intercept = Décalage d’étalonnage
device-counters = Mesures reçues
counter-received = Reçues
counter-stored = Enregistrées
counter-duplicate = En double
counter-rejected = Refusées
counters-hint = Reçues = enregistrées + en double + refusées.
device-credential = Clé d’accès de l’appareil
device-not-registered = Pas encore de clé
device-registered-at = L’appareil a reçu sa clé le { $date }.
device-not-registered-text = L’appareil n’a pas encore demandé sa clé. Mettez-le sous tension à portée du WiFi.
device-window-open = Une nouvelle clé peut être demandée jusqu’à { $date }.
device-window-open-submit = Autoriser une nouvelle clé
device-window-hint = Utile après une remise à zéro de l’appareil. L’autorisation dure 15 minutes.
device-window-confirm-title = Autoriser une nouvelle clé ?
device-window-confirm-text = Pendant 15 minutes, l’appareil peut demander une nouvelle clé. L’ancienne cesse alors de fonctionner.
device-team = Personnes assignées
device-team-hint = Seules les personnes cochées voient cet appareil et peuvent y démarrer un traitement.
device-team-submit = Enregistrer les assignations
assigned-nobody = Personne

## Erreurs de saisie
error-age = L’âge est un nombre entier entre 0 et 130.
error-sex = Choisissez un sexe dans la liste, ou « Non précisé ».
error-weight = Le poids est un nombre de kilogrammes entre 1 et 500, par exemple 72,5.
error-name-too-long = Ce nom est trop long : 100 caractères au plus.
error-notes-too-long = Les notes sont trop longues : 4 000 caractères au plus.
error-unit = Choisissez degrés Celsius ou degrés Fahrenheit.
error-device-offline = Cet appareil est hors ligne. Rapprochez-le du WiFi ou choisissez-en un autre.
error-device-busy = Un traitement est déjà en cours sur cet appareil. Choisissez-en un autre.
error-serial = Saisissez le numéro de série inscrit sur l’étiquette.
error-claim-unknown = Ce numéro de série et ce code ne vont pas ensemble. Vérifiez l’étiquette.
error-claim-taken = Cet appareil appartient déjà à une licence. Il doit d’abord être libéré.
error-unit-quota = Votre licence ne couvre pas d’appareil supplémentaire. Ajoutez une unité ou libérez un appareil.
error-device-name = Donnez à l’appareil un nom de 1 à 60 caractères.

## Confirmations
notice-started = Le traitement a démarré.
notice-stopped = Le traitement est terminé et enregistré.
notice-aborted = Le traitement est interrompu. Les mesures reçues sont conservées.
notice-acknowledged = L’alerte est acquittée.
notice-claimed = L’appareil est ajouté à votre licence.
notice-saved = Les modifications sont enregistrées.
notice-window-open = L’appareil peut demander une nouvelle clé pendant 15 minutes.
in-use-by = Utilisé par { $name }
years = { $n ->
    [one] { $n } an
   *[other] { $n } ans
}

# Équipe.
nav-team = Équipe
team-title = Équipe
team-lead = Les personnes de la licence et celles qui sont invitées.
team-people = { $count ->
    [one] Une personne
   *[other] { $count } personnes
}
team-remove = Retirer
team-remove-title = Retirer { $name } de l’équipe ?
team-remove-text = L’accès prend fin tout de suite. Les traitements gardent le nom de la personne.
team-invited = { $count ->
    [one] Une invitation en attente
   *[other] { $count } invitations en attente
}
team-invitation-until = Lien valable jusqu’au { $time }
team-invitation-over = Lien expiré le { $time }
team-resend = Renvoyer
team-cancel = Annuler l’invitation
team-invite-title = Inviter un utilisateur de terrain
team-invite-lead = Un courriel part avec un lien personnel, valable sept jours.
team-invite = Envoyer l’invitation
team-email-error = Indiquez une adresse e-mail, par exemple marie.durand@clinique.fr.
team-member-already = Cette personne fait déjà partie de l’équipe.
notice-invited = L’invitation est envoyée.
notice-invitation-cancelled = L’invitation est annulée.
notice-member-removed = La personne n’a plus accès à la licence.

# Droits des personnes.
rights-profile = Profil
rights-first-name = Prénom
rights-last-name = Nom
rights-unit = Unité
rights-since = Depuis
rights-treatments = Séances conduites
rights-session = Séance
rights-device = Appareil
rights-status = État
rights-started = Début
rights-ended = Fin
rights-events = Événements
rights-at = Le
rights-type = Événement
rights-ip = Adresse IP
rights-browser = Navigateur
rights-owner-with-members = vous êtes propriétaire de cette licence et d’autres y travaillent : transmettez-la d’abord.
rights-running-subscription = son abonnement court : transmettez-la ou résiliez d’abord.
rights-fate-name = Nom dans la licence
rights-fate-devices = Appareils attribués
rights-fate-events = Adresses et navigateurs dans les événements
rights-fate-treatments = Séances conduites, sous « Utilisateur supprimé »
rights-reason-treatments = Dossiers de santé des patients (Code de la santé publique, R.1112-7).
