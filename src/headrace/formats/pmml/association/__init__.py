"""The parts of an AssociationModel: items in a record, and the rules that apply to them."""
