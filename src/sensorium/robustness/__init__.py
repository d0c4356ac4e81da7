"""How far a classifier can be trusted: attacks, defensive quantisation, promotion and suppression."""
