package projections

// Views lists every read model.
func Views() []*View { return []*View{Goal} }
