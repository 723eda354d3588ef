package demo

// The subjects told in English.

func graphs() subject {
	return subject{"graphs", "Graph theory from the first edge", "From two dots and a line to shortest ways and flows, with pencil and paper.", "mathematics", []point{
		{"graph", "Vertices and edges", "What a graph is, how to draw one, and why the drawing does not matter.", 1, 30, ""},
		{"degree", "Degrees and handshakes", "Count the ends of edges, and see why an odd number of odd people cannot be at a party.", 2, 30, "graph"},
		{"walk", "Walks, paths and cycles", "Ways through a graph, with and without coming back to where one was.", 2, 40, "graph"},
		{"connected", "Connected components", "Which vertices can be reached from which.", 3, 40, "walk"},
		{"tree", "Trees", "Connected and without a cycle: just enough edges, and not one more.", 3, 50, "connected degree"},
		{"bfs", "Breadth-first search", "Ripples in a pond: nearest first.", 4, 60, "connected"},
		{"dfs", "Depth-first search", "Follow one way to its end, then come back to the last fork.", 4, 60, "connected"},
		{"euler", "Euler tours", "The seven bridges, and which cities can be walked bridge by bridge.", 4, 45, "degree walk"},
		{"shortest", "Shortest ways with weights", "Settle the nearest unsettled vertex, again and again.", 6, 80, "bfs"},
		{"flow", "Flows and cuts", "The most that gets through is the least that can be cut.", 8, 100, "shortest dfs"},
	}}
}

func gophers() subject {
	return subject{"go", "Go, one small program at a time", "Every lesson ends with a program that runs.", "programming", []point{
		{"hello", "A first program", "Package, function, and the tool that runs them.", 1, 25, ""},
		{"values", "Values and types", "Numbers, strings, and what the compiler tells apart for you.", 2, 40, "hello"},
		{"control", "If, for and switch", "Three words for every turn a program takes.", 2, 40, "values"},
		{"slices", "Slices and maps", "Lists that grow, and tables to look things up in.", 3, 60, "control"},
		{"functions", "Functions and closures", "Give a name to what you do; hand it on like a value.", 3, 50, "control"},
		{"structs", "Structs and methods", "Put together what belongs together.", 4, 50, "slices functions"},
		{"interfaces", "Interfaces", "Ask for what something does, not for what it is.", 5, 60, "structs"},
		{"errors", "Errors are values", "Return them, wrap them, handle them once.", 4, 45, "interfaces"},
		{"goroutines", "Goroutines and channels", "Do several things, and let them talk.", 7, 90, "interfaces errors"},
		{"gobfs", "A search over a map of trains", "Breadth-first search in forty lines: the fewest changes between two stations.", 6, 80, "slices structs bfs"},
	}}
}
