# Second facteur : application d’authentification, clés d’accès, codes de secours, confirmation d’identité.
factors-title = Second facteur
factors-lead = En plus du mot de passe, une preuve que vous seul détenez. Elle est demandée à chaque connexion et avant les changements sensibles.
factors-due = Votre rôle exige un second facteur. Ajoutez une application ou une clé d’accès pour continuer.
factors-since = Depuis le { $day }
factors-used = utilisée le { $day }
factors-remove = Retirer
factors-remove-text = Vous ne pourrez plus l’utiliser pour vous connecter. Un message en avertit l’adresse de votre compte.

factors-app = Application d’authentification
factors-app-none = Une application de votre téléphone affiche un code à six chiffres qui change toutes les trente secondes.
factors-app-set-up = Configurer une application
factors-app-replace = Changer d’application
factors-app-remove = Retirer l’application
factors-app-remove-title = Retirer l’application d’authentification ?
factors-app-lead = Rien ne change avant que vous ayez saisi un premier code. Vos autres sessions seront alors fermées.
factors-app-scan = 1. Enregistrer la clé dans l’application
factors-app-qr = Code QR à scanner avec l’application d’authentification. La même clé est écrite dessous.
factors-app-type = Si vous ne pouvez pas scanner le code, saisissez cette clé :
factors-app-open = Ouvrir dans une application de cet appareil
factors-app-confirm = 2. Saisir le code affiché
factors-app-confirm-submit = Activer

factors-code = Code à six chiffres
factors-code-hint = Celui que l’application affiche maintenant.
factors-code-submit = Continuer
factors-code-not-of-app = Ce code n’est pas celui de cette application. Vérifiez l’heure du téléphone et saisissez le code affiché maintenant.
factors-code-wrong = Ce code ne convient pas, ou il a déjà servi. Attendez le suivant, ou utilisez un code de secours.
factors-codes-paused = Trop de codes erronés : les codes de l’application sont suspendus quinze minutes. Utilisez un code de secours ou une clé d’accès.
factors-answer-missing = Saisissez un code.

factors-passkeys = Clés d’accès
factors-passkeys-lead = Une clé d’accès est gardée par votre téléphone, votre ordinateur ou une clé physique, qui vérifie que c’est bien vous. Elle remplace aussi le mot de passe.
factors-passkey-name = Nom de la nouvelle clé
factors-passkey-name-hint = Pour la reconnaître, par exemple « Téléphone ».
factors-passkey-name-error = Donnez un nom de 1 à 80 caractères.
factors-passkey-add = Ajouter une clé d’accès
factors-passkey-remove = Retirer { $name }
factors-passkey-remove-title = Retirer la clé d’accès « { $name } » ?
factors-passkey-heading = Clé d’accès
factors-passkey-use = Utiliser une clé d’accès
factors-passkey-sign-in = Se connecter avec une clé d’accès
factors-passkey-script = Les clés d’accès demandent que JavaScript soit activé. Sans lui, utilisez un code.
factors-passkey-unable = Ce navigateur ne connaît pas les clés d’accès. Utilisez un code.
factors-passkey-unavailable = Les clés d’accès ne peuvent pas être utilisées à cette adresse. Configurez une application.
factors-passkey-failed = La clé d’accès n’a pas répondu. Réessayez, ou utilisez un code.
factors-passkey-wrong = Cette clé d’accès ne convient pas. Réessayez, ou utilisez un code.
factors-passkey-unknown = Cette clé d’accès n’est pas connue ici. Connectez-vous avec adresse et mot de passe.
factors-passkey-known = Cette clé d’accès est déjà enregistrée. Utilisez-en une autre.

factors-recovery-heading = Codes de secours
factors-recovery-code = Code de secours
factors-recovery-hint = Douze caractères, en trois groupes. Chaque code sert une fois.
factors-recovery-submit = Utiliser ce code
factors-recovery-wrong = Ce code de secours ne convient pas, ou il a déjà servi.
factors-codes-added = Le second facteur est activé, et vos autres sessions sont fermées.
factors-codes-lead = Gardez ces dix codes en lieu sûr, sur papier par exemple : chacun permet une connexion si votre second facteur manque. Ils ne seront plus affichés.
factors-codes-kept = Je les ai gardés, continuer
factors-codes-left = { $count ->
    [0] Il ne reste aucun code.
    [one] Il reste un code sur dix.
   *[other] Il reste { $count } codes sur dix.
}
factors-few-codes = { $count ->
    [0] Vous n’avez plus de code de secours. Faites-en de nouveaux.
    [one] Il ne vous reste qu’un code de secours. Faites-en de nouveaux.
   *[other] Il ne vous reste que { $count } codes de secours. Faites-en de nouveaux.
}
factors-codes-renew = Faire dix nouveaux codes
factors-codes-renew-title = Faire dix nouveaux codes de secours ?
factors-codes-renew-text = Les anciens codes ne serviront plus.

factors-second-title = Second facteur
factors-second-lead = Le mot de passe convient. Donnez maintenant votre second facteur.
factors-second-other = Se connecter avec un autre compte
factors-over = Cette connexion est terminée : trop de temps ou trop d’essais. Recommencez avec l’adresse et le mot de passe.

factors-again-title = Confirmez que c’est vous
factors-again-lead = Ce que vous demandez est sensible. Après confirmation, vous reviendrez où vous étiez.
factors-again-submit = Confirmer
factors-password-wrong = Le mot de passe ne convient pas.
factors-session-ended = Trop d’essais : la session est fermée. Connectez-vous de nouveau.

notice-factor-added = Le second facteur est ajouté. Vos autres sessions sont fermées.
notice-factor-removed = Le second facteur est retiré.

mail-footer-notice = Ce message de sécurité vous a été envoyé par { $product } parce qu’il concerne votre compte.
mail-app-added-subject = Une application d’authentification protège votre compte { $product }
mail-app-added-body =
    Une application d’authentification vient d’être ajoutée à votre compte. Son code sera demandé à chaque connexion, et vos autres sessions ont été fermées.

    Si ce n’était pas vous, changez votre mot de passe et prévenez aussitôt l’administrateur.
mail-app-removed-subject = L’application d’authentification de votre compte { $product } est retirée
mail-app-removed-body =
    L’application d’authentification de votre compte vient d’être retirée. Ses codes ne sont plus acceptés.

    Si ce n’était pas vous, changez votre mot de passe et prévenez aussitôt l’administrateur.
mail-passkey-added-subject = Une clé d’accès est ajoutée à votre compte { $product }
mail-passkey-added-body =
    Une clé d’accès vient d’être ajoutée à votre compte. Elle permet de s’y connecter, et vos autres sessions ont été fermées.

    Si ce n’était pas vous, changez votre mot de passe et prévenez aussitôt l’administrateur.
mail-passkey-removed-subject = Une clé d’accès de votre compte { $product } est retirée
mail-passkey-removed-body =
    Une clé d’accès de votre compte vient d’être retirée. Elle n’est plus acceptée.

    Si ce n’était pas vous, changez votre mot de passe et prévenez aussitôt l’administrateur.
mail-recovery-codes-renewed-subject = De nouveaux codes de secours pour votre compte { $product }
mail-recovery-codes-renewed-body =
    Dix nouveaux codes de secours viennent d’être faits pour votre compte. Les anciens ne sont plus acceptés.

    Si ce n’était pas vous, changez votre mot de passe et prévenez aussitôt l’administrateur.
factors-trust = Faire confiance à cet appareil : ne plus demander de code ici pendant 30 jours
