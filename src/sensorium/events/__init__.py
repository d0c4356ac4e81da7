"""Events in long videos, told and found, learnt without time stamps: WSDEC."""
