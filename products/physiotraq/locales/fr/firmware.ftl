# Micrologiciels : versions du fabricant, déploiements, appareils.

## Rôle et navigation
role-vendor = Fabricant
nav-firmware = Micrologiciels

## Versions
firmware-total = { $n ->
    [0] Aucune version.
    [one] Une version.
   *[other] { $n } versions.
}
firmware-new = Nouvelle version
firmware-new-lead = La version est signée hors ligne avec « socle firmware sign » ; rien n’est proposé aux appareils avant un déploiement.
firmware-none = Aucune version
firmware-none-text = Chargez la première version signée.
firmware-back = Toutes les versions
firmware-version = Version
firmware-version-hint = Comme elle a été signée, par exemple 03.1.0
firmware-hardware = Matériel
firmware-hardware-hint = Le matériel gravé dans l’appareil, par exemple CT1
firmware-min = Version minimale compatible
firmware-min-hint = Les appareils plus anciens attendent une version intermédiaire ; vide : tous
firmware-channel = Canal
firmware-stable = Stable
firmware-stable-hint = Sans cette coche, seuls les appareils qui acceptent les versions bêta la reçoivent.
firmware-beta = Bêta
firmware-withdrawn = Retirée
firmware-notes = Notes de version
firmware-signature = Signature
firmware-signature-hint = 128 chiffres hexadécimaux, donnés par « socle firmware sign » sur la machine hors ligne
firmware-signed-by = Clé publique du signataire
firmware-file = Fichier binaire
firmware-file-hint = 64 Mio au plus
firmware-upload = Charger et vérifier
firmware-facts = Version
firmware-size = Taille
firmware-kib = { $n } Kio
firmware-percent = { $n } %
firmware-running = Appareils qui l’exécutent
firmware-uploaded-at = Chargée le
firmware-released-at = Publiée le
firmware-checksum = Empreinte SHA-256
firmware-delete = Supprimer
firmware-delete-title = Supprimer la version { $version } ?
firmware-delete-text = La version, ses déploiements et son fichier disparaissent. Aucun appareil ne l’exécute.
firmware-published-lead = Les versions publiées par le fabricant ; la mise à jour automatique se règle sur la page de chaque appareil.
firmware-none-published = Aucune version publiée
firmware-none-published-text = Le fabricant n’a encore rien publié.

## Erreurs du formulaire
firmware-error-version = Écrivez une version de un à quatre nombres, par exemple 03.1.0.
firmware-error-hardware = Écrivez le matériel : lettres, chiffres, points et tirets, 40 caractères au plus.
firmware-error-notes = Écrivez ce qui change, en 10 000 caractères au plus.
firmware-error-min = Écrivez une version qui n’est pas plus récente que celle-ci, ou rien.
firmware-error-signature-form = Collez les 128 chiffres hexadécimaux de la signature.
firmware-error-signature = La signature ne correspond pas à ce fichier, cette version et ce matériel, ou sa clé n’est pas reconnue. Signez à nouveau exactement ce fichier.
firmware-error-no-keys = Ce serveur ne connaît aucune clé publique du fabricant. Demandez à l’exploitant de régler files.trusted_keys.
firmware-error-taken = Cette version existe déjà pour ce matériel. Choisissez un numéro plus élevé.
firmware-error-file = Choisissez le fichier binaire ; il ne doit pas être vide.
firmware-error-large = Le fichier dépasse 64 Mio. Choisissez le fichier binaire de l’appareil.
firmware-error-content = Ce fichier n’est pas un binaire d’appareil (c’est un document, une archive, un programme ou du texte).

## Déploiements
rollout = Déploiement
rollback-of = Retour depuis { $version }
rollout-state-none = Pas encore déployée
rollout-state-running = En cours
rollout-state-paused = En pause
rollout-state-aborted = Arrêté
rollout-reason-errors = Le déploiement s’est mis en pause : trop d’appareils ont échoué.
rollout-reason-success = Le déploiement s’est mis en pause : trop peu d’appareils ont réussi dans cette étape.
rollout-reason-person = Mis en pause par le fabricant.
rollout-rate = Taux de réussite
rollout-started = Commencé le
rollout-thresholds = Seuils
rollout-thresholds-text = réussite ≥ { $success }, échecs ≤ { $errors }
rollout-sample = Échantillon
rollout-sample-text = { $n } appareils au moins, { $minutes } min pour installer
rollout-stages = Étapes
rollout-stages-hint = Pourcentages croissants d’appareils, le dernier est 100
rollout-stage = Étape
rollout-stage-text = { $number } : { $percent }
rollout-stage-current = en cours
rollout-waiting = En attente
rollout-installed = Installées
rollout-failed = Échecs
rollout-resume = Reprendre
rollout-pause = Mettre en pause
rollout-next = Étape suivante
rollout-next-title = Passer à l’étape suivante ?
rollout-next-text = Davantage d’appareils reçoivent la version, quels que soient les chiffres de cette étape.
rollout-abort = Arrêter
rollout-abort-title = Arrêter le déploiement de { $version } ?
rollout-abort-text = Plus aucun appareil ne reçoit cette version, et elle est retirée. Les appareils qui l’ont installée la gardent.
rollout-new = Nouveau déploiement
rollback-new = Retour à cette version
rollout-start-title = Commencer le déploiement de { $version } ?
rollout-start-text = Les appareils de la première étape reçoivent cette version dès leur prochaine demande.
rollout-kind = Genre
rollout-kind-update = Mise à jour
rollout-kind-hint = Un retour redonne cette version aux appareils qui en exécutent une plus récente ; celle-ci est retirée.
rollout-min-sample = Échantillon minimal
rollout-min-sample-hint = Appareils dont l’issue est connue avant toute conclusion
rollout-minutes = Délai d’installation (minutes)
rollout-minutes-hint = Ensuite, un appareil qui annonce l’ancienne version, ou rien, a échoué
rollout-success = Réussite minimale (%)
rollout-success-hint = D’une étape, avant la suivante
rollout-errors = Échecs tolérés (%)
rollout-errors-hint = Au-delà, le déploiement se met en pause
rollout-start = Commencer
rollout-error-stages = Écrivez des pourcentages croissants de 1 à 100, le dernier est 100 : 5, 25, 100.
rollout-error-sample = Écrivez un nombre de 1 à 10 000.
rollout-error-success = Écrivez un pourcentage de 1 à 100.
rollout-error-errors = Écrivez un pourcentage de 0 à 99.
rollout-error-minutes = Écrivez un nombre de minutes de 5 à 10 080.
rollout-error-open = Cette version est déjà en cours de déploiement. Arrêtez d’abord ce déploiement.
rollout-error-replaces = Choisissez une version plus récente du même matériel.

## Page de l’appareil
device-firmware-title = Micrologiciel
device-firmware-running = Version exécutée
device-firmware-hardware = Matériel
device-firmware-available = La version { $version } est disponible.
device-firmware-current = À jour
device-firmware-auto = Mise à jour automatique
device-firmware-auto-hint = L’appareil installe ce que le fabricant publie, jamais pendant un traitement.
device-firmware-beta = Versions bêta
device-firmware-beta-hint = L’appareil reçoit aussi les versions qui ne sont pas encore stables.
device-firmware-submit = Enregistrer

## Messages
notice-firmware-uploaded = Version chargée : sa signature est vérifiée.
notice-firmware-deleted = Version supprimée.
notice-firmware-in-use = Rien n’a été supprimé : des appareils exécutent cette version, la reçoivent, ou elle est en cours de déploiement.
notice-rollout-started = Le déploiement a commencé.
mail-firmware-paused-subject = Déploiement du micrologiciel { $version } en pause
mail-firmware-paused-body =
    Le déploiement du micrologiciel { $version } s’est mis en pause de lui-même : { $failed } appareils n’ont pas annoncé la nouvelle version.

    Aucun autre appareil ne la reçoit tant que vous ne l’avez pas repris. Vous pouvez aussi l’arrêter, ou redonner une version plus ancienne.
mail-firmware-paused-action = Voir le déploiement
