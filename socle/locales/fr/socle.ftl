# Noyau : cadre des pages, connexion, erreurs, éléments communs.
skip-to-content = Aller au contenu
nav-label = Navigation principale
nav-more = Plus
account-menu = Compte, langue et apparence
language-label = Langue
theme-label = Apparence
theme-light = Clair
theme-dark = Sombre
theme-system = Système
sign-out = Se déconnecter
confirm-cancel = Annuler

sign-in-title = Connexion
sign-in-lead = Identifiez-vous pour suivre vos traitements.
sign-in-email = Adresse e-mail
sign-in-password = Mot de passe
sign-in-submit = Se connecter
sign-in-privacy = Données chiffrées côté serveur, clés séparées.
sign-in-failed = L’adresse ou le mot de passe ne correspond pas. Vérifiez-les, puis réessayez.
sign-in-busy = Trop de connexions en ce moment. Réessayez dans quelques secondes.

field-optional = (facultatif)
form-errors-title = { $count ->
    [one] Un point est à corriger
   *[other] { $count } points sont à corriger
}

pager-label = Pages de la liste
pager-of = sur { $total }
pager-previous = Page précédente
pager-next = Page suivante

toasts-label = Messages
toasts-close = Fermer le message
toasts-failed = La demande n’a pas abouti. Vérifiez la connexion, puis réessayez.
filters-submit = Filtrer

error-code = Erreur { $code }
error-home = Revenir à l’accueil
error-request = Référence à communiquer au support :
error-400-title = Demande incomplète
error-400 = Un élément de la demande manque ou n’est pas valable. Revenez en arrière, vérifiez la saisie et renvoyez-la.
error-401-title = Connexion nécessaire
error-401 = Votre session a pris fin. Connectez-vous à nouveau pour continuer.
error-403-title = Action non autorisée
error-403 = Votre rôle ne permet pas cette action. Adressez-vous au responsable de la licence.
error-404-title = Page introuvable
error-404 = Cette page n’existe pas, ou elle n’est pas accessible avec votre compte.
error-409-title = Action impossible pour le moment
error-409 = La situation a changé entre-temps. Rechargez la page, puis recommencez si c’est encore utile.
error-413-title = Envoi trop volumineux
error-413 = Le contenu envoyé dépasse la taille permise. Réduisez-le ou envoyez-le en plusieurs fois.
error-422-title = Saisie refusée
error-422 = Une valeur ne peut pas être acceptée. Corrigez-la et renvoyez la demande.
error-429-title = Trop de demandes
error-429 = Beaucoup de demandes sont parvenues en peu de temps. Patientez un instant, puis réessayez.
error-500-title = Le service a rencontré une erreur
error-500 = L’erreur a été enregistrée. Réessayez dans un instant ; si elle persiste, communiquez la référence ci-dessous.
error-503-title = Service momentanément indisponible
error-503 = Le service est très sollicité ou redémarre. Réessayez dans quelques secondes.

front-title = Plateformes
front-lead = Choisissez celle sur laquelle vous travaillez.
front-open = Ouvrir { $product }
front-physiotraq = Suivi en direct de la température corporelle pendant les séances d’hyperthermie.

notice-signed-out = Vous êtes déconnecté.

memberships-title = Changer de structure
memberships-lead = Vous appartenez à ces structures. Choisissez celle pour laquelle vous travaillez maintenant.
memberships-present = En cours
memberships-choose = Y travailler

invitation-title = Invitation
invitation-heading = { $tenant } vous invite
invitation-lead = Invitation envoyée à { $email }, rôle : { $role }.
invitation-first-name = Prénom
invitation-last-name = Nom
invitation-new-password = Choisissez un mot de passe
invitation-known = Cette adresse a déjà un compte : indiquez son mot de passe.
invitation-accept = Accepter l’invitation
invitation-name-error = Indiquez un nom de 1 à 80 caractères.
invitation-password-wrong = Ce n’est pas le mot de passe de ce compte. Vérifiez-le, puis réessayez.

# Courriels : objet, texte (un paragraphe par ligne vide), bouton.
mail-greeting = Bonjour { $first_name },
mail-greeting-nobody = Bonjour,
mail-closing = À bientôt,
mail-footer = Ce message vous a été envoyé par { $product }. Si vous ne l’attendiez pas, ne suivez pas le lien et ignorez-le.
mail-link = Si le bouton ne fonctionne pas, copiez cette adresse dans votre navigateur :
mail-invitation-subject = { $tenant } vous invite sur { $product }
mail-invitation-body =
    { $inviter } vous invite à rejoindre { $tenant } sur { $product }.

    Le lien est personnel, ne sert qu’une fois et reste valable sept jours.
mail-invitation-action = Accepter l’invitation

# La page de tous les composants, en développement seulement.
dev-title = Composants
dev-lead = Tous les éléments de l’interface, dans chaque thème et dans les deux langues. Cette page n’existe qu’en développement.
dev-theme = Thème
dev-actions = Actions
dev-primary = Ajouter
dev-secondary = Comparer
dev-outline = Exporter
dev-ghost = Ignorer
dev-link = Modifier
dev-destructive = Supprimer
dev-disabled = Non disponible
dev-hero = Commencer une séance
dev-stop = ARRÊTER
dev-menu = Plus d’actions
dev-confirm-title = Dissocier l’appareil 12 ?
dev-confirm-text = Il n’enverra plus de mesures à cette licence. L’historique est conservé.
dev-confirm-yes = Dissocier l’appareil
dev-person = Camille Moreau
dev-role = Praticienne
dev-messages = Messages
dev-toast = Afficher :
dev-success = Réussite
dev-info = Information
dev-warning = À surveiller
dev-error = Erreur
dev-success-text = Les modifications sont enregistrées.
dev-info-text = Une mise à jour est prévue ce soir à 22 h (Europe/Paris).
dev-warning-text = La batterie de l’appareil 12 est faible : prévoyez de la recharger.
dev-error-text = L’enregistrement n’a pas abouti. Rien n’a été modifié ; réessayez.
dev-forms = Formulaires
dev-name = Nom
dev-hint = Une indication, lue avec le champ.
dev-field-error = Indiquez un nom de 1 à 100 caractères.
dev-choice-error = Choisissez un état de la liste.
dev-day = Date
dev-state = État
dev-remarks = Remarques
dev-tick = Me prévenir à chaque alerte
dev-unit = Unité
dev-submit = Enregistrer
dev-lists = Liste d’appareils
dev-all = Tous
dev-count = { $count ->
    [one] { $count } appareil
   *[other] { $count } appareils
}
dev-none = Aucun appareil ne correspond
dev-none-text = Élargissez les filtres ou effacez la recherche.
dev-row = Appareil { $n }
dev-measured = Mesuré le
dev-states = États
dev-plain = Hors ligne
dev-tile = Appareil 12
dev-timeline = Déroulement
dev-progress = Importation des fichiers
dev-loading = Préparation du rapport…
dev-age = il y a { $n } min
dev-live = En direct
dev-alarms = Alarmes
dev-alarm-watch = Surveiller de près
dev-alarm-critical = TEMPÉRATURE CRITIQUE
dev-alarm-order = Arrêtez le chauffage.
dev-acknowledge = Prendre en compte

api-title = API
api-lead = Chaque adresse pour les programmes, avec ce qu’elle attend et ce qu’elle répond. Les descriptions sont en anglais.
api-document = Document OpenAPI
api-callers = Qui peut appeler
api-operations = Opérations
api-schemas = Schémas
api-name = Nom
api-kind = Type
api-meaning = Signification
api-required = obligatoire
api-anybody = Sans authentification
api-parameters = Paramètres
api-body = Corps de la requête
api-example = Exemple
api-answers = Réponses
api-no-content = Sans contenu
api-curl = En ligne de commande

# Pages de la plateforme.
platform-operator = Opérateur de la plateforme
platform-jobs = Tâches de fond
platform-jobs-lead = Ce qui attend, ce qui a été abandonné et pourquoi.
platform-queues = Files
platform-queues-empty = Rien n’attend
platform-queues-empty-text = Toutes les tâches sont faites.
platform-queue = File
platform-state = État
platform-state-waiting = En attente
platform-state-running = En cours
platform-state-dead = Abandonnées
platform-count = Nombre
platform-oldest = Plus ancienne
platform-kind = Tâche
platform-attempts = Essais
platform-said = Dernière erreur
platform-given-up = Abandonnée le
platform-decide = Décision
platform-dead = { $count ->
    [0] Aucune tâche abandonnée
    [one] Une tâche abandonnée
   *[other] { $count } tâches abandonnées
}
platform-dead-none = Aucune tâche abandonnée
platform-dead-none-text = Une tâche qui échoue trop souvent apparaît ici.
platform-retry = Réessayer
platform-drop = Supprimer
platform-drop-question = Supprimer cette tâche ? Elle ne sera jamais exécutée.
notice-job-retried = La tâche est remise en file.
notice-job-dropped = La tâche est supprimée.
mailbox-title = Boîte de développement
mailbox-lead = Les courriels et les SMS que ce serveur aurait envoyés : cette boîte les remplace, rien n’est parti. Cette page n’existe pas en production.
mailbox-to = À { $to }
mailbox-html = Voir la version HTML
mailbox-empty = Aucun courriel
mailbox-empty-text = Les courriels apparaissent ici dès qu’ils partent.
