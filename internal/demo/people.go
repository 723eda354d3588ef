package demo

import (
	"strings"
	"time"

	"sical-backend/command"
	"sical-backend/events"
)

// person is somebody with an account.
type person struct {
	username, name string
	role           events.Role
	joined         int // day of the story
}

func (p person) id() events.ID { return id(moment(p.joined, 7, 0), "user %s", p.username) }

func (p person) actor() actor { return actor{p.id(), p.role} }

// written is the person's language and time zone, which their name tells here.
func (p person) written() (locale, zone string) {
	if strings.ContainsFunc(p.name, func(r rune) bool { return r >= 0x4e00 }) {
		return "zh-Hans", "Asia/Shanghai"
	}
	return "en-GB", "Europe/London"
}

// Those who look after the demo, and one who left it.
func staff() []person {
	return []person{
		{"demo-admin", "Ruth Okafor", events.Admin, 0},
		{"demo-curator", "林老师", events.Curator, 0},
		{"demo-moderator", "Jonas Weber", events.Moderator, 0},
	}
}

func curator() actor   { return staff()[1].actor() }
func moderator() actor { return staff()[2].actor() }

var passing = person{"demo-passing", "Passing Through", events.Learner, 5}

// learner is somebody who learns a subject.
type learner struct {
	person
	subject string
	habit   string // days of their week they study on, "1" to "7"
	minutes int    // that they study then
	goal    string // its title
	public  bool
	stops   events.GoalStatus // what becomes of the goal before its end; "" goes on
}

// stopping is when a goal that stops does so, a while after its learner joined.
func (l learner) stopping() time.Duration { return moment(l.joined+16, 21, 0) }

func learners() []learner {
	who := func(username, name string, joined int) person {
		return person{"demo-" + username, name, events.Learner, joined}
	}
	return []learner{
		{who("anna", "Anna Petrova", 0), "graphs", "135", 35, "Understand maps of trains", true, ""},
		{who("ben", "Ben Achebe", 1), "graphs", "135", 30, "Draw fewer lines", true, ""},
		{who("王芳", "王芳", 1), "graphs", "26", 40, "学会图论", true, ""},
		{who("chloe", "Chloé Martin", 2), "graphs", "67", 50, "Win the next maths evening", false, ""},
		{who("李强", "李强", 3), "graphs", "1234567", 25, "每天一道图论题", true, ""},
		{who("dev", "Dev Patel", 4), "graphs", "14", 30, "Pass discrete mathematics", false, events.GoalStatusPaused},
		{who("emma", "Emma Lindqvist", 6), "graphs", "25", 20, "Graphs before breakfast", false, events.GoalStatusAbandoned},
		{who("小雨", "陈小雨", 6), "graphs", "36", 45, "看懂最短路", false, ""},

		{who("farid", "Farid Haddad", 0), "go", "12356", 40, "Write a server of my own", true, ""},
		{who("grace", "Grace Kim", 1), "go", "1357", 30, "Change jobs by spring", false, ""},
		{who("张伟", "张伟", 2), "go", "123456", 35, "用 Go 写一个小工具", true, ""},
		{who("hugo", "Hugo Silva", 3), "go", "246", 30, "From Python to Go", true, ""},
		{who("ines", "Inés García", 5), "go", "67", 60, "A game for my niece", true, ""},
		{who("刘洋", "刘洋", 5), "go", "135", 40, "弄懂并发", false, ""},
		{who("jack", "Jack O'Neill", 7), "go", "3", 30, "Go on Wednesdays", false, events.GoalStatusPaused},
		{who("赵敏", "赵敏", 8), "go", "24", 30, "学一门新语言", false, events.GoalStatusAbandoned},

		{who("陈静", "陈静", 0), "history", "12345", 40, "通读中国史", true, ""},
		{who("kate", "Kate Brennan", 1), "history", "246", 35, "Know one dynasty from another", true, ""},
		{who("杨帆", "杨帆", 2), "history", "135", 30, "陪孩子学历史", false, ""},
		{who("liam", "Liam Novak", 3), "history", "17", 45, "Travel to Xi'an prepared", true, ""},
		{who("周杰", "周杰", 4), "history", "1267", 30, "弄清朝代顺序", true, ""},
		{who("maya", "Maya Rosen", 6), "history", "5", 40, "Read the Records of the Historian", false, events.GoalStatusAbandoned},
		{who("吴桐", "吴桐", 7), "history", "36", 30, "历史小组的期末", false, events.GoalStatusPaused},

		{who("孙丽", "孙丽", 0), "cooking", "1567", 40, "学会十道家常菜", true, ""},
		{who("noah", "Noah Fischer", 1), "cooking", "67", 60, "Cook for my flatmates", true, ""},
		{who("马超", "马超", 2), "cooking", "123457", 35, "给爸妈做顿饭", true, ""},
		{who("olga", "Olga Ivanova", 3), "cooking", "26", 30, "Less takeaway", false, ""},
		{who("黄蓉", "黄蓉", 4), "cooking", "1234567", 30, "一桌好菜", true, ""},
		{who("pia", "Pia Moreau", 8), "cooking", "4", 40, "Sunday dinners", false, events.GoalStatusDraft},
		{who("spam", "Cheap Pans", 9), "cooking", "1", 10, "Sell pans", false, events.GoalStatusAbandoned},
	}
}

// named finds a learner or one of the staff by their username.
func named(username string) person {
	for _, p := range staff() {
		if p.username == username {
			return p
		}
	}
	for _, l := range learners() {
		if l.username == username {
			return l.person
		}
	}
	return person{}
}

// users registers everybody and gives the staff their roles.
func (s *story) users() {
	for _, p := range staff() {
		s.register(p)
		s.tell(moment(0, 7, 30), system, "user.set_role", &command.SetRole{Of: of(p.id()), Role: p.role})
	}
	for _, l := range learners() {
		s.register(l.person)
	}
	s.register(passing)
	s.tell(moment(passing.joined+1, 8, 0), passing.actor(), "user.erase", &command.EraseUser{Of: of(passing.id())})
}

// register gives somebody an account without a password: sical token opens it.
func (s *story) register(p person) {
	locale, zone := p.written()
	s.tell(moment(p.joined, 7, 0), system, "user.register", &command.RegisterUser{
		Of: of(p.id()), Username: p.username, DisplayName: p.name, Locale: locale, TimeZone: zone,
	})
}

// suspensions shuts the account of who came to sell.
func (s *story) suspensions() {
	s.tell(moment(26, 10, 0), moderator(), "user.suspend", &command.SuspendUser{Of: of(named("demo-spam").id())})
}
