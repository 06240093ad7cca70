from services.scoring.core.batch import Batch, Facts
from services.scoring.core.handle_levels import HandleLevels
from services.scoring.core.patience import Patience

BOUND: float
WAIT_MAX_S: float

def note(b: Batch, facts: Facts, levels: HandleLevels, patience: Patience) -> None: ...
