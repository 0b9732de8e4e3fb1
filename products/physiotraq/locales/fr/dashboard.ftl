# Tableau de bord du responsable, et événements.
nav-dashboard = Tableau de bord
nav-events = Événements
dashboard-licence = Licence
dashboard-licence-active = Active
dashboard-licence-expired = Expirée
dashboard-licence-cancelled = Résiliée
dashboard-licence-payment-failed = Paiement refusé
dashboard-licence-until = Jusqu’au { $date }
dashboard-online = en ligne
dashboard-offline = hors ligne
dashboard-units = { $used } sur { $of } de la licence
dashboard-today = Traitements du jour
dashboard-finished = { $count ->
    [one] terminé
   *[other] terminés
}
dashboard-running = en cours
dashboard-operators = { $count ->
    [one] opérateur
   *[other] opérateurs
}
dashboard-owners = responsable
dashboard-invited = { $count ->
    [0] aucune invitation en attente
    [one] une invitation en attente
   *[other] { $count } invitations en attente
}
dashboard-activity = Activité récente
dashboard-all-events = Tous les événements
dashboard-no-activity = Rien ne s’est encore passé.
dashboard-member-joined = Nouveau membre
dashboard-shortcuts = Raccourcis

## Événements
events-lead = Ce qui est arrivé aux appareils, aux traitements, aux alertes et à la licence : quoi, quand, par qui et d’où.
events-filters = Filtrer les événements
events-type = Événement
events-person = Par
events-about = Concerne
events-about-licence = La licence
events-origin = Adresse et navigateur
events-all-types = Tous les événements
events-all-people = Tout le monde
events-count = { $count ->
    [0] Aucun événement
    [one] Un événement
   *[other] { $count } événements
}
events-count-more = Plus de { $count } événements
events-no-match = Aucun événement ne correspond
events-no-match-text = Élargissez la période ou effacez les filtres.
events-filter-invalid = Cette valeur ne peut pas être lue. Choisissez dans la liste, ou une date comme 2026-11-21.
