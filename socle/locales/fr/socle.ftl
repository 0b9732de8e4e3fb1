# Noyau : cadre des pages, connexion, erreurs, éléments communs.
skip-to-content = Aller au contenu
nav-label = Navigation principale
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

notice-signed-out = Vous êtes déconnecté.
