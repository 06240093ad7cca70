from shared.contract.msgpack_parts cimport Parts
