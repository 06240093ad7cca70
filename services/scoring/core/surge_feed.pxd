from services.scoring.core.arrival_rows cimport ArrivalRows
from services.scoring.core.issue_rows cimport IssueRows
