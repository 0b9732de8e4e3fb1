# Bris de glace : demander, relire.
break-glass-title = Accès d’urgence à un dossier
break-glass-lead = Un seul dossier s’ouvre, pour 30 minutes, dans cette session. Chaque consultation est tracée et relue ensuite.
break-glass-kind = Type de dossier
break-glass-kind-error = Ce type de dossier ne s’ouvre jamais en urgence. Adressez-vous à la personne qui en est responsable.
break-glass-record = Identifiant du dossier
break-glass-record-hint = L’identifiant complet, tel qu’il figure dans l’adresse du dossier.
break-glass-record-error = Aucun dossier ne porte cet identifiant. Vérifiez-le, puis recommencez.
break-glass-open-error = Un dossier est déjà ouvert en urgence. Refermez-le d’abord.
break-glass-reason = Motif
break-glass-reason-hint = De 10 à 1000 caractères : pourquoi ce dossier est nécessaire maintenant.
break-glass-reason-error = Écrivez le motif, de 10 à 1000 caractères.
break-glass-notice = Les personnes chargées de la conformité sont prévenues tout de suite, et le dossier en garde la trace.
break-glass-submit = Ouvrir ce dossier
break-glass-open-title = Dossier ouvert en urgence
break-glass-until = Ouvert jusqu’à { $time } ; rien ne prolonge cet accès.
break-glass-elsewhere = Il est ouvert dans une autre de vos sessions : celle-ci ne le montre pas.
break-glass-end = Refermer maintenant

break-glass-reviews = Accès d’urgence à relire
break-glass-reviews-lead = Qui a ouvert quel dossier, et pourquoi. Dites si c’était justifié.
break-glass-waiting = { $count ->
    [one] Un accès à relire
   *[other] { $count } accès à relire
}
break-glass-waiting-none = Rien à relire
break-glass-waiting-none-text = Aucun accès d’urgence n’attend votre avis.
break-glass-when = Du { $from } au { $until }
break-glass-uses = { $count ->
    [one] une consultation
   *[other] { $count } consultations
}
break-glass-reason-given = Motif :
break-glass-still-open = Encore ouvert : l’avis se donne une fois l’accès refermé.
break-glass-own = C’est votre propre accès : quelqu’un d’autre le relit.
break-glass-note = Note
break-glass-note-hint = Au moins 10 caractères si l’accès n’était pas justifié.
break-glass-note-error = Dites en 10 à 1000 caractères pourquoi l’accès n’était pas justifié.
break-glass-justified = Justifié
break-glass-not-justified = Non justifié
break-glass-reviewed = { $count ->
    [one] Un accès relu
   *[other] { $count } accès relus
}
break-glass-reviewed-none = Aucun accès relu
break-glass-reviewed-none-text = Les accès relus apparaîtront ici.
break-glass-person = Personne
break-glass-verdict = Avis
break-glass-reviewer = Relu par
notice-glass-broken = Le dossier est ouvert pour 30 minutes.
notice-glass-whole = Le dossier est refermé.
notice-glass-reviewed = Votre avis est enregistré.

mail-break-glass-opened-subject = Un dossier a été ouvert en urgence
mail-break-glass-opened-body = { $person } vient d’ouvrir un dossier en urgence ({ $tenant }).

    L’accès dure 30 minutes au plus. Le motif et le dossier se lisent après connexion ; dites ensuite si c’était justifié.
mail-break-glass-opened-action = Relire cet accès
mail-break-glass-reminder-subject = Un accès d’urgence attend votre avis
mail-break-glass-reminder-body = Un dossier a été ouvert en urgence il y a plus de 48 heures, et personne n’a dit si c’était justifié.
mail-break-glass-reminder-action = Relire cet accès
