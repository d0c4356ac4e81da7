"""How far a classifier can be trusted: attacks, defensive quantisation, what attacks change."""
