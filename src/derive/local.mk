# derive
