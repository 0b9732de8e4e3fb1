# The tests' own product.
trial-health-title = Health data
trial-health-text = I agree that my health data are recorded to follow my condition.
trial-health-stops = No health data will be recorded any more.
trial-marketing-title = News
trial-marketing-text = I agree to receive news by mail.
trial-marketing-stops = No news will be sent any more.
trial-terms-title = Terms of service
trial-terms-text = I agree to the terms of service.
