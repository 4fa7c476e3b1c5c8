"""Proving an isolation plan twice: no way for water to the burst, and who is short of pressure, found independently of the plan."""

from networks.proof.fire import FIRE_M3_PER_H, fire_flow
from networks.proof.pressure import SERVICE_M, UNBALANCED, Shut, Trial
from networks.proof.search import DryProof, Search, prove_dry

__all__ = ["FIRE_M3_PER_H", "SERVICE_M", "UNBALANCED", "DryProof", "Search", "Shut", "Trial", "fire_flow", "prove_dry"]
