# Le journal d'audit : recherche, export.
audit-title = Journal d’audit
audit-lead = Qui a fait ou tenté quoi, quand et d’où. Consulter cette page est aussi consigné.
audit-filters = Filtrer le journal
audit-filter-invalid = Cette valeur ne peut pas être lue. Corrigez-la ou effacez-la.
audit-action = Action
audit-actor = Auteur
audit-all-actors = Tous les auteurs
audit-outcome = Issue
audit-all-outcomes = Toutes les issues
audit-outcome-done = Fait
audit-outcome-refused = Refusé
audit-outcome-failed = Échoué
audit-resource = Objet
audit-resource-id = Identifiant de l’objet
audit-from = Du
audit-to = Au
audit-scope = Portée
audit-scope-own = La plateforme
audit-scope-system = Sans organisation (connexions refusées, système)
audit-count = { $count ->
    [0] Aucune entrée
    [one] { $count } entrée
   *[other] { $count } entrées
}
audit-count-more = { $count } entrées ou plus
audit-clear = Effacer les filtres
audit-export = Exporter en CSV
audit-none = Aucune entrée
audit-none-text = Rien n’est consigné pour ces filtres.
audit-time = Date et heure
audit-more = Précisions
audit-show = Afficher
audit-actor-person = Personne
audit-actor-device = Appareil
audit-actor-system = Système
audit-actor-nobody = Non identifié
audit-details = Détails
audit-changes = Modifications
audit-request-data = Données de la requête
audit-response-data = Données de la réponse
audit-ip = Adresse IP
audit-agent = Navigateur ou programme
audit-request = Numéro de requête
