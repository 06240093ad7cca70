from services.scoring.core.arrival_rows cimport ArrivalRows
