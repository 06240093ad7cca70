from services.scoring.core.arrival_rows cimport ArrivalRows
from services.scoring.core.issue_rows cimport IssueRows
from services.scoring.core.batch cimport Batch, Facts
