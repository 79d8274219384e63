# assemble
