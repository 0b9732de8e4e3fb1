# Sessions, appareils connus, vue d’ensemble du compte.
overview-title = Mon compte
overview-due = À faire
overview-password = Mot de passe
overview-password-since = Changé le { $time }.
overview-password-until = Changé le { $time }, valable jusqu’au { $end }.
overview-password-over = Arrivé à échéance le { $time } : choisissez-en un nouveau.
overview-password-forced = Donné par quelqu’un d’autre : choisissez le vôtre.
overview-contact = Adresse e-mail et téléphone
overview-email-proved = Adresse confirmée.
overview-email-unproved = Adresse à confirmer.
overview-phone-none = Aucun téléphone.
overview-phone-unproved = Téléphone à confirmer.
overview-phone-proved = Téléphone confirmé.
overview-factors = Second facteur
overview-factors-since = Demandé à la connexion depuis le { $time }.
overview-factors-none = Aucun : le mot de passe suffit pour se connecter.
overview-sessions = Sessions ouvertes
overview-sessions-state = { $count ->
    [one] Une session ouverte.
   *[other] { $count } sessions ouvertes.
}
overview-devices = Appareils connus
overview-devices-state = { $count ->
    [0] Aucun appareil connu
    [one] Un appareil connu
   *[other] { $count } appareils connus
}, { $trusted ->
    [0] aucun de confiance.
    [one] dont un de confiance.
   *[other] dont { $trusted } de confiance.
}
overview-data = Mes données
overview-data-state = Recevoir une copie de vos données ou demander leur effacement.

sessions-title = Sessions ouvertes
sessions-lead = Chaque navigateur et chaque programme connecté à votre compte. Terminez ce que vous ne reconnaissez pas, puis changez votre mot de passe.
sessions-program = programme
sessions-place = adresse { $place }
sessions-begun = Connexion le { $time }
sessions-seen = Dernière activité le { $time }
sessions-present = Cette session
sessions-end = Terminer
sessions-end-label = Terminer la session sur { $device }
sessions-end-others = Terminer toutes les autres
sessions-end-others-question = Terminer toutes les autres sessions ?
sessions-end-others-text = Les autres navigateurs et programmes devront se reconnecter. Cette session reste ouverte.
sessions-choose-title = Trop de sessions ouvertes
sessions-choose-lead = { $count ->
    [one] Une session est déjà ouverte, c’est le maximum. Terminez-la pour vous connecter ici.
   *[other] { $count } sessions sont déjà ouvertes, c’est le maximum. Choisissez celle à terminer pour vous connecter ici.
}
sessions-choose-end = Terminer et me connecter
sessions-choose-label = Terminer la session sur { $device }, ouverte le { $time }, et me connecter ici
sessions-choose-none = N’en terminer aucune et revenir à la connexion
notice-session-ended = La session est terminée.
notice-sessions-ended = Toutes les autres sessions sont terminées.

devices-title = Appareils connus
devices-lead = Les navigateurs avec lesquels vous vous êtes connecté. Une connexion depuis un nouvel appareil vous est signalée par courriel.
devices-empty = Aucun appareil connu
devices-empty-text = Votre prochaine connexion avec un navigateur apparaîtra ici.
devices-begun = Première connexion le { $time }
devices-seen = Dernière connexion le { $time }
devices-trusted = De confiance : sans second facteur jusqu’au { $time }
devices-present = Cet appareil
devices-forget = Oublier
devices-forget-label = Oublier l’appareil { $device }
devices-forget-question = Oublier { $device } ?
devices-forget-text = Ses sessions se terminent et le second facteur y sera de nouveau demandé.
devices-words = { $browser } sur { $system }
devices-words-unknown = Appareil inconnu
notice-device-forgotten = L’appareil est oublié, ses sessions sont terminées.

mail-new-device-subject = Nouvelle connexion à votre compte { $product }
mail-new-device-body =
    Une connexion à votre compte { $product } vient d’avoir lieu depuis un appareil inconnu jusqu’ici : { $device }, adresse { $place }, le { $time }.

    Si c’est vous, il n’y a rien à faire.

    Sinon, connectez-vous, changez votre mot de passe, puis oubliez cet appareil dans « Mon compte », « Appareils connus ».
