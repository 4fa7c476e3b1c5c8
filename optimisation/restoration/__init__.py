"""After a fault: which switches to open and close, in which order, so that most is restored; and where to part feeders for least losses."""

from optimisation.restoration.case import Setting
from optimisation.restoration.proposal import Alternative, Crews, Left, Proposal, Step, Worth
from optimisation.restoration.restore import restore

__all__ = ["Alternative", "Crews", "Left", "Proposal", "Setting", "Step", "Worth", "restore"]
