# Droits des personnes : consentements, export, effacement, conservation.
data-title = Mes données
data-lead = Obtenir une copie de tout ce qui vous concerne, revoir vos consentements, faire effacer votre compte.
data-prove = Pour cela, confirmez d’abord que c’est bien vous.
data-prove-link = Confirmer mon identité
data-yes = oui
data-no = non
data-none = Rien.
data-file-title = Mes données
data-file-lead = Tout ce que la plateforme conserve à votre sujet, à l’instant où la copie a été préparée. Les heures sont en temps universel (UTC). Le dossier data contient la même chose pour les programmes.

export-title = Copie de mes données
export-lead = Une archive avec un fichier lisible et des fichiers pour les programmes. Elle reste disponible vingt-quatre heures ; le lien de téléchargement vaut quinze minutes.
export-ask = Préparer ma copie
export-working = Demandée le { $asked } : la copie est en préparation. Un message vous préviendra.
export-ready = Demandée le { $asked }, disponible jusqu’au { $until }.
export-download = Télécharger ma copie
export-failed = La copie demandée le { $asked } n’a pas pu être préparée. Demandez-la à nouveau.
notice-export-asked = Votre copie est en préparation. Un message vous préviendra.

consents-title = Mes consentements
consents-lead = Ce que vous avez accepté, but par but. Retirer un accord est aussi simple que le donner, et agit aussitôt.
consents-open = Voir mes consentements
consents-none = Rien ne vous est demandé
consents-none-text = Ce service ne repose sur aucun consentement de votre part.
consents-version = Version { $version }
consents-given = Accepté
consents-since = Donné le { $time }
consents-withdrawn = retiré le { $time }
consents-closed = remplacé le { $time }
consents-withdraw = Retirer : { $purpose }
consents-needed = Nécessaire tant que vous utilisez le compte.
consents-outdated = Le texte a changé depuis votre accord : relisez-le.
consents-agree = J’ai lu et j’accepte : { $purpose }
consents-give = Donner mon accord : { $purpose }
consents-tick = Cochez la case pour donner votre accord.
consents-past = Historique
notice-consent-given = Votre accord est enregistré.
notice-consent-withdrawn = Votre accord est retiré.

erasure-title = Effacer mon compte
erasure-short = Voir ce qui serait effacé ou conservé, et demander l’effacement.
erasure-open = Voir ce qui serait effacé
erasure-lead = Ce que devient chaque sorte de données, et pourquoi.
erasure-held = Une obligation légale empêche l’effacement pour l’instant
erasure-fates = Ce que deviennent vos données
erasure-what = Données
erasure-becomes = Ce qu’elles deviennent
erasure-why = Raison et durée
erasure-until = Jusqu’au { $time }.
erasure-deleted = Effacées
erasure-anonymised = Anonymisées
erasure-kept = Conservées
erasure-pending = L’effacement est demandé pour le { $time }. Se connecter de nouveau l’annule.
erasure-in-use = D’autres dépendent de ce compte : transmettez d’abord
erasure-undo = L’effacement a lieu dans trente jours. D’ici là, se connecter suffit à l’annuler. Toutes vos sessions se ferment maintenant.
erasure-sure = J’ai compris ce qui sera effacé
erasure-tick = Cochez la case pour demander l’effacement.
erasure-ask = Demander l’effacement
notice-erasure-asked = L’effacement est demandé. Se connecter avant trente jours l’annule.
erasure-what-sign-in = Mot de passe, seconds facteurs, sessions, appareils connus
erasure-what-address = Adresse, nom d’utilisateur, téléphone
erasure-what-name = Nom
erasure-what-mails = Messages envoyés
erasure-what-invitations = Invitations à votre adresse
erasure-what-exports = Copies de vos données
erasure-what-security = Événements de sécurité
erasure-what-memberships = Appartenances à des organisations
erasure-what-consents = Consentements, sans adresse ni navigateur
erasure-reason-consents = Preuve que l’accord avait été donné (RGPD, art. 7.1).
erasure-what-audit = Journal d’audit, sous un numéro sans nom
erasure-reason-audit = Preuve des accès et des actes, cinq ans.
erasure-what-receipt = Reçu de cet effacement, sans nom
erasure-reason-receipt = Preuve que l’effacement a eu lieu (RGPD, art. 5.2).
erasure-last-operator = vous êtes la dernière personne à exploiter la plateforme : ajoutez-en une autre d’abord.

mail-export-ready-subject = Votre copie est prête
mail-export-ready-body =
    La copie de vos données que vous avez demandée sur { $product } est prête. Elle reste disponible vingt-quatre heures après votre demande.

    Si vous ne l’avez pas demandée, changez votre mot de passe.
mail-export-ready-action = Aller à mes données
mail-erasure-asked-subject = Effacement demandé
mail-erasure-asked-body =
    L’effacement de votre compte { $product } est demandé pour le { $day }.

    Pour l’annuler, il suffit de vous connecter avant cette date. Si ce n’est pas vous qui l’avez demandé, connectez-vous et changez votre mot de passe.
mail-erasure-asked-action = Me connecter et annuler
mail-erasure-soon-subject = Votre compte sera bientôt effacé
mail-erasure-soon-body =
    Comme demandé, votre compte { $product } sera effacé le { $day }.

    Pour l’annuler, il suffit de vous connecter avant cette date.
mail-erasure-soon-action = Me connecter et annuler
mail-erasure-undone-subject = Effacement annulé
mail-erasure-undone-body =
    Vous vous êtes connecté : l’effacement de votre compte { $product } est annulé.

    Si ce n’était pas vous, changez votre mot de passe.
mail-erasure-done-subject = Votre compte est effacé
mail-erasure-done-body =
    Votre compte { $product } est effacé. Voici ce que sont devenues vos données :

    { $outcomes }

holds-title = Conservations légales
holds-lead = Ce qui ne doit pas être effacé pour l’instant. Ni l’effacement ni la purge n’y touchent.
holds-back = { $count ->
    [one] Un compte effacé est revenu avec une restauration : lancez « socle admin privacy replay ».
   *[other] { $count } comptes effacés sont revenus avec une restauration : lancez « socle admin privacy replay ».
}
holds-none = Aucune conservation légale
holds-none-text = Rien n’empêche l’effacement ni la purge.
holds-subject = Objet
holds-account = Compte
holds-tenant = Organisation
holds-kind = Ce qui est conservé
holds-id = Identifiant (UUID)
holds-reason = Motif
holds-reason-hint = Pour les exploitants, de 10 à 500 caractères.
holds-basis = Base légale
holds-until = Premier jour où elle ne vaut plus
holds-told = La personne peut en être informée
holds-told-hint = À laisser vide si l’informer nuirait à une enquête.
holds-untold = la personne ne doit pas en être informée
holds-stands = Durée
holds-since = depuis le { $time }
holds-lifted = levée le { $time }
holds-lift = Lever
holds-place = Poser une conservation
holds-reason-error = Écrivez un motif de 10 à 500 caractères.
holds-basis-error = Écrivez une base légale de 3 à 200 caractères.
holds-until-error = Donnez un jour à venir, ou aucun.
holds-subject-error = Donnez l’identifiant d’un compte ou d’une organisation qui existe.
notice-hold-placed = La conservation est posée.
notice-hold-lifted = La conservation est levée.

# Le fichier lisible d’un export.
data-account = Compte
data-memberships = Organisations
data-consents = Consentements
data-sessions = Sessions
data-devices = Appareils connus
data-mails = Messages envoyés
data-security = Événements de sécurité
data-audit = Journal d’audit
data-erasures = Demandes d’effacement
data-email = Adresse
data-user-name = Nom d’utilisateur
data-phone = Téléphone
data-language = Langue
data-status = État
data-email-verified = Adresse vérifiée
data-phone-verified = Téléphone vérifié
data-second-factor = Second facteur depuis
data-password-changed = Mot de passe choisi
data-last-login = Dernière connexion
data-created = Créé
data-id = Identifiant
data-organisation = Organisation
data-role = Rôle
data-permissions = Droits
data-ended = Terminé
data-kind = Sorte
data-version = Version
data-text-hash = Empreinte du texte
data-channel = Par
data-at = Le
data-withdrawn = Retiré
data-ip = Adresse IP
data-browser = Navigateur
data-last-seen = Vu en dernier
data-trusted = De confiance jusqu’à
data-sent = Envoyé
data-severity = Gravité
data-action = Action
data-outcome = Issue
data-by = Par
data-resource = Objet
data-due = Prévu pour
