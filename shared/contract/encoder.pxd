from shared.contract.block_writer cimport BlockWriter, put_uuid
