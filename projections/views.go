package projections

// Views lists every read model.
func Views() []*View {
	return []*View{User, Goal, Path, Point, Progress, Assessment, Comment, Activity, Attachment, Webhook}
}
