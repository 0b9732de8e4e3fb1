# Le produit des tests.
trial-health-title = Données de santé
trial-health-text = J’accepte que mes données de santé soient enregistrées pour suivre mon état.
trial-health-stops = Plus aucune donnée de santé ne sera enregistrée.
trial-marketing-title = Nouvelles
trial-marketing-text = J’accepte de recevoir des nouvelles par courriel.
trial-marketing-stops = Plus aucune nouvelle ne sera envoyée.
trial-terms-title = Conditions d’utilisation
trial-terms-text = J’accepte les conditions d’utilisation.
