"""What the daemon is asked and what it answers: the API's requests and views, a file a subject.

A view is flat and made to be read: units stand in the field names, durations are seconds, energy is kWh of IT energy,
emissions are grams with PUE included, None is unknown. The API publishes these classes as they are, so a field here is
a field of `--json`: add freely, rename never.
"""
