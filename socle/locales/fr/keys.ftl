error-keys-title = Données protégées indisponibles
error-keys = Les clés des données protégées ne peuvent pas être atteintes. Rien n’a été enregistré ; réessayez dans quelques secondes.

notice-destruction-requested = La demande est enregistrée. Une autre personne doit l’approuver.
notice-destruction-approved = Les clés sont détruites. Ce qu’elles protégeaient n’est plus lisible.
notice-destruction-refused = La demande est refusée. Les clés restent.

keys-title = Clés
keys-lead = Les clés des champs chiffrés côté serveur : combien il y en a, leur rotation, leur destruction.
keys-current = Clé de chiffrement de clés en cours :
keys-away = Le service de clés ne répond pas. Les champs protégés sont indisponibles ; tout le reste fonctionne.
keys-counts = Clés de données
keys-count = Nombre
keys-kek = Enveloppées par
keys-whose = À qui
keys-kind-tenant = Organisation
keys-kind-person = Personne
keys-state-active = Active
keys-state-retired = Lecture seule
keys-state-destroyed = Détruite
keys-state-requested = Demandée
keys-state-refused = Refusée
keys-state-approved = Approuvée, effacement en cours
keys-state-executed = Exécutée
keys-rotations = Rotations
keys-rotations-none = Aucune rotation
keys-rotations-none-text = Une rotation se lance en ligne de commande : socle admin keys rotate.
keys-started = Début
keys-finished = Fin
keys-not-finished = Pas terminée
keys-rewrapped = Réenveloppées
keys-remaining = Restantes
keys-failed = En échec
keys-destructions = { $count ->
    [0] Destructions de clés
    [one] Une demande de destruction
   *[other] { $count } demandes de destruction
}
keys-destructions-lead = Une personne demande, une autre approuve. Une destruction ne peut pas être annulée.
keys-destructions-none = Aucune demande
keys-destructions-none-text = Une demande de destruction de clés apparaît ici.
keys-requested = Demandée le
keys-reason = Motif
keys-reason-hint = De 10 à 500 caractères. Sans nom ni information de santé.
keys-reason-wrong = Indiquez un motif de 10 à 500 caractères.
keys-approve = Détruire les clés
keys-approve-question = Détruire ces clés ? Ce qu’elles protègent ne sera plus jamais lisible, par personne.
keys-refuse = Refuser
keys-second-person = Une autre personne doit approuver votre demande.
keys-request = Demander une destruction
keys-request-lead = Les clés d’une organisation ne peuvent être détruites que si elle est suspendue.
keys-subject = Identifiant
keys-subject-hint = L’identifiant (UUID) de l’organisation ou du compte.
keys-subject-wrong = Indiquez un identifiant : 32 chiffres hexadécimaux, par exemple 0192f0c1-2a3b-7c4d-8e5f-60718293a4b5.
keys-none = Il n’y a pas de clé à cet identifiant.
keys-not-suspended = Cette organisation n’est pas suspendue : suspendez-la d’abord.
keys-platform = Les clés de la plateforme elle-même ne se détruisent pas.
keys-asked-already = La destruction de ces clés est déjà demandée.
keys-request-send = Demander la destruction
