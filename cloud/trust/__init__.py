"""Whom devices may trust and whom the cloud trusts: authority, enrolment, certificates, revocation."""
