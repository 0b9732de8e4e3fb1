# Limites, réseaux autorisés, organisations suspendues, événements de sécurité.

limits-too-many = Trop de tentatives, réessayez dans { $minutes } min.
limits-network-refused = Votre organisation n’autorise pas la connexion depuis ce réseau. Adressez-vous à votre administrateur.
error-network-title = Réseau non autorisé
error-network = Votre organisation n’autorise l’accès que depuis certains réseaux. Adressez-vous à votre administrateur.

limits-networks = Réseaux autorisés
limits-networks-lead = Les personnes de votre licence ne peuvent se connecter et travailler que depuis ces réseaux. Une liste vide autorise tous les réseaux.
limits-networks-own = Votre adresse actuelle : { $address }
limits-networks-everybody = Pour toute la licence
limits-networks-people = Pour une personne
limits-networks-list = Réseaux autorisés pour tous
limits-networks-of = Réseaux autorisés pour { $name }
limits-networks-hint = Un réseau ou une adresse par ligne, par exemple 192.0.2.0/24 ou 2001:db8::/32.
limits-networks-save = Enregistrer la liste
limits-no-network = « { $word } » n’est pas un réseau. Écrivez par exemple 192.0.2.0/24.
limits-too-many-networks = La liste compte plus de { $most } réseaux. Regroupez-les.
limits-locked-out = Votre propre adresse n’est dans aucun de ces réseaux : vous vous fermeriez la porte.
notice-networks-saved = La liste des réseaux est enregistrée.

limits-tenants = Organisations
limits-tenants-lead = Les organisations de tous les produits. Suspendre arrête les sessions, l’API, les appareils et les tâches ; les données ne sont pas touchées.
limits-tenants-find = Chercher une organisation
limits-tenants-search = Nom ou identifiant
limits-tenants-count = { $count ->
    [one] { $count } organisation
   *[other] { $count } organisations
}
limits-tenants-none = Aucune organisation
limits-tenants-none-text = Aucune organisation ne correspond à cette recherche.
limits-tenant = Organisation
limits-members = Membres
limits-state = État
limits-decide = Décision
limits-suspended = Suspendue
limits-active = Active
limits-resume = Reprendre
limits-suspend = Suspendre
limits-suspend-question = Suspendre cette organisation ? Ses membres et ses appareils sont arrêtés immédiatement.
limits-reason = Motif de la suspension de { $name }
limits-reason-error = Indiquez le motif, en 1 à 500 caractères.
notice-tenant-suspended = L’organisation est suspendue.
notice-tenant-resumed = L’organisation reprend son activité.

limits-security = Sécurité
limits-security-lead = Ce qui s’est passé autour des connexions et des accès, dans tous les produits. Sans période choisie : les 30 derniers jours.
limits-events-find = Filtrer les événements
limits-all = Tous
limits-type = Type
limits-severity = Gravité
limits-severity-low = Faible
limits-severity-medium = Moyenne
limits-severity-high = Élevée
limits-severity-critical = Critique
limits-account-search = Compte : identifiant ou adresse e-mail
limits-from = Du
limits-to = Au
limits-events-count = { $count ->
    [one] { $count } événement
   *[other] { $count } événements
}
limits-events-none = Aucun événement
limits-events-none-text = Rien ne correspond à ces filtres.
limits-time = Date et heure
limits-account = Compte
limits-address = Adresse IP
limits-details = Détails
