package projections

// Views lists every read model.
func Views() []*View {
	return []*View{
		User.View, Goal.View, Path.View, Point.View, Progress.View, Assessment.View, Comment.View, Activity.View,
		Attachment.View, Webhook.View,
	}
}

// Names are those of some views.
func Names(views []*View) []string {
	names := make([]string, len(views))
	for i, v := range views {
		names[i] = v.Name
	}
	return names
}
