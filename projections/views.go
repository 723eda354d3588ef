package projections

// Views lists every read model.
func Views() []*View {
	return []*View{
		User.View, Goal.View, Path.View, Point.View, Progress.View, Assessment.View, Comment.View, Activity.View,
		Attachment.View, Webhook.View,
	}
}
