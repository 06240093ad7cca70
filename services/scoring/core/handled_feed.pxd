from services.scoring.core.batch cimport Batch, Facts
