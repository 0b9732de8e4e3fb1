# Identifiants : inscription, vérification, mot de passe oublié ou changé, adresse, téléphone, nom d’utilisateur.
sign-in-email-or-name = Adresse e-mail ou nom d’utilisateur

credentials-back = Revenir à la connexion
credentials-code = Code reçu
credentials-code-hint = Six chiffres, valables 15 minutes.
credentials-code-unfit = Ce code ou ce lien ne convient pas, a déjà servi ou n’est plus valable. Demandez-en un nouveau.
credentials-email-error = Indiquez une adresse e-mail, par exemple marie.durand@clinique.fr.
credentials-messages = Trois messages ont déjà été envoyés en une heure. Revenez dans une heure.

password-title = Changer de mot de passe
password-lead = Vos autres sessions prendront fin ; celle-ci continue.
password-due = Choisissez un nouveau mot de passe avant de continuer : l’actuel est trop ancien, ou son changement vous a été demandé.
password-current = Mot de passe actuel
password-new = Nouveau mot de passe
password-hint = Au moins { $least } caractères, tous permis, espaces compris ; une phrase se retient mieux.
password-submit = Enregistrer le mot de passe
password-current-wrong = Ce n’est pas votre mot de passe actuel. Vérifiez-le, puis réessayez.
password-tries = Trop d’essais avec un mot de passe erroné. Réessayez dans un quart d’heure.
password-fault-short = Le mot de passe compte 8 à 128 caractères : celui-ci est trop court. Une phrase se retient bien.
password-fault-long = Le mot de passe compte 8 à 128 caractères : celui-ci est trop long.
password-fault-common = Ce mot de passe se devine trop vite : il est courant, ou suit un motif simple. Prenez plusieurs mots sans rapport entre eux.
password-fault-personal = Ce mot de passe reprend votre nom, votre adresse ou le nom du service. Prenez d’autres mots.
password-fault-same = C’est déjà votre mot de passe. Choisissez-en un autre.
notice-password-changed = Votre mot de passe est changé. Vos autres sessions ont pris fin.

recovery-title = Mot de passe oublié
recovery-lead = Indiquez votre adresse : nous y enverrons un lien pour choisir un nouveau mot de passe.
recovery-submit = Recevoir un lien
recovery-sent = Si cette adresse a un compte, un courriel vient de partir.
recovery-sent-more = Le lien est valable une heure. Rien reçu ? Regardez dans les indésirables, vérifiez l’adresse, puis recommencez.
recovery-choose-title = Choisir un nouveau mot de passe
recovery-choose-lead = Toutes vos sessions prendront fin, puis vous serez connecté ici.
recovery-over = Ce lien a déjà servi ou n’est plus valable. Demandez-en un nouveau.

register-title = Créer un compte
register-lead = Un courriel vous demandera ensuite de confirmer votre adresse.
register-terms = J’accepte les conditions d’utilisation
register-terms-hint = Sans cet accord, le compte ne peut pas être créé.
register-terms-error = Acceptez les conditions d’utilisation pour créer un compte.
register-submit = Créer mon compte

verify-title = Confirmer votre adresse
verify-lead = Recopiez le code du courriel, ou suivez son lien.
verify-link-lead = Un clic, et votre adresse est confirmée.
verify-sent = Si cette adresse attend une confirmation, un courriel vient de partir.
verify-submit = Confirmer
verify-again = Renvoyer le courriel
notice-email-verified = Votre adresse est confirmée. Connectez-vous.

contact-title = Adresse, téléphone, nom d’utilisateur
contact-lead = Par où nous vous joignons, et sous quel nom vous vous connectez.
contact-email-new = Nouvelle adresse e-mail
contact-email-hint = Un code y sera envoyé. L’adresse actuelle reste valable jusque-là, et en est avertie.
contact-email-same = C’est déjà votre adresse.
contact-email-taken = Cette adresse a déjà un compte. Connectez-vous avec elle.
contact-send-code = Envoyer un code
contact-phone = Téléphone
contact-phone-new = Nouveau numéro
contact-phone-hint = Avec l’indicatif du pays, par exemple +33 6 12 34 56 78.
contact-phone-error = Indiquez le numéro avec l’indicatif du pays, par exemple +33 6 12 34 56 78.
contact-phone-none = Aucun numéro.
contact-phone-verified = Vérifié
contact-phone-unverified = À vérifier
contact-phone-remove = Supprimer le numéro
contact-phone-taken = Ce numéro est vérifié sur un autre compte. Supprimez-le d’abord de celui-là.
contact-no-sms = Ce serveur n’envoie pas de SMS : aucun numéro ne peut être vérifié.
contact-user-name = Nom d’utilisateur
contact-user-name-none = Aucun nom d’utilisateur.
contact-user-name-new = Nom d’utilisateur souhaité
contact-user-name-hint = 3 à 50 lettres sans accent, chiffres, points, tirets ; une lettre d’abord.
contact-user-name-error = Indiquez 3 à 50 lettres sans accent, chiffres, points ou tirets, en commençant par une lettre.
contact-user-name-ask = Demander ce nom
contact-confirm-title = Confirmer votre nouvelle adresse
contact-confirm-lead = Elle remplacera l’ancienne pour vous connecter.
contact-confirm-over = Ce lien a déjà servi ou n’est plus valable. Recommencez depuis votre compte.
notice-email-asked = Un code est parti vers la nouvelle adresse.
notice-email-changed = Votre adresse est changée.
notice-phone-asked = Un code est parti vers ce numéro.
notice-phone-verified = Votre numéro est vérifié.
notice-phone-removed = Votre numéro est supprimé.
notice-user-name-asked = Un courriel vous dit si ce nom était libre.

# Courriels : objet, texte, bouton.
mail-prove-address-subject = Confirmez votre adresse pour { $product }
mail-prove-address-body =
    Votre code : { $code }. Il est valable 15 minutes.

    Vous pouvez aussi suivre le lien, valable 24 heures. Si vous n’avez pas créé de compte, ignorez ce message : sans confirmation, rien ne s’ouvre.
mail-prove-address-action = Confirmer mon adresse
mail-already-registered-subject = Vous avez déjà un compte sur { $product }
mail-already-registered-body =
    Quelqu’un, vous peut-être, vient de demander un compte avec cette adresse. Elle en a déjà un : connectez-vous, ou choisissez un nouveau mot de passe.

    Si ce n’était pas vous, il n’y a rien à faire : rien n’a changé.
mail-already-registered-action = Mot de passe oublié
mail-forgotten-password-subject = Choisissez un nouveau mot de passe
mail-forgotten-password-body =
    Vous avez demandé un nouveau mot de passe pour { $product }. Le lien ne sert qu’une fois et reste valable une heure.

    Si ce n’était pas vous, ignorez ce message : votre mot de passe reste le même.
mail-forgotten-password-action = Choisir un mot de passe
mail-changed-password-subject = Votre mot de passe a été changé
mail-changed-password-body =
    Le mot de passe de votre compte { $product } vient d’être changé, et vos autres sessions ont pris fin.

    Si ce n’était pas vous, choisissez tout de suite un nouveau mot de passe depuis la page de connexion (« Mot de passe oublié ») et prévenez votre responsable.
mail-email-confirm-subject = Confirmez votre nouvelle adresse
mail-email-confirm-body =
    Votre code : { $code }. Il est valable 15 minutes ; le lien, 24 heures.

    Si vous n’avez rien demandé, ignorez ce message : rien ne change.
mail-email-confirm-action = Confirmer cette adresse
mail-email-change-asked-subject = Un changement d’adresse a été demandé
mail-email-change-asked-body =
    Une nouvelle adresse a été demandée pour votre compte { $product }. Celle-ci reste valable jusqu’à la confirmation.

    Si ce n’était pas vous, quelqu’un utilise votre compte : changez votre mot de passe tout de suite, ses sessions prendront fin.
mail-email-change-asked-action = Changer mon mot de passe
mail-email-changed-subject = Votre adresse a été changée
mail-email-changed-body =
    Votre compte { $product } a une nouvelle adresse ; celle-ci ne permet plus de s’y connecter.

    Si ce n’était pas vous, prévenez tout de suite votre responsable ou le support.
mail-user-name-set-subject = Votre nom d’utilisateur
mail-user-name-set-body = Votre nom d’utilisateur est maintenant { $name }. Vous pouvez vous connecter avec lui ou avec votre adresse.
mail-user-name-set-action = Voir mon compte
mail-user-name-taken-subject = Ce nom d’utilisateur n’est pas libre
mail-user-name-taken-body = Le nom { $name } ne peut pas vous être donné. Choisissez-en un autre.
mail-user-name-taken-action = Choisir un autre nom

# SMS : rien de ce à quoi sert le service.
sms-phone-code = Votre code : { $code }. Valable 15 minutes. Ne le donnez à personne.
sms-email-changed = L’adresse e-mail de votre compte a été changée. Si ce n’était pas vous, prévenez tout de suite votre responsable.

mailbox-text = SMS

# Comptes, pour les exploitants.
accounts-title = Comptes
accounts-lead = Suspendre un compte met fin à ses sessions tout de suite ; rien n’est effacé.
accounts-realm = Service
accounts-realm-hint = Son nom technique, par exemple physiotraq.
accounts-suspend = Suspendre
accounts-reactivate = Rétablir
accounts-none = Aucun compte de cette adresse n’est dans l’état voulu.
accounts-own = C’est votre propre compte : un autre exploitant doit le faire.
notice-suspended-account = Le compte est suspendu, ses sessions ont pris fin.
notice-reactivated-account = Le compte est rétabli.
