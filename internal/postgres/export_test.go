package postgres

// AnswersLate is Answers, late for another time.
var AnswersLate = answers
