from shared.contract.block_writer cimport BlockWriter, put_raw_uuid, put_uuid
from shared.contract.plain_events cimport PlainEvents
