package demo

import "sical-backend/events"

// threads is everything that is said. A comment's author and text make its id.
func threads() []thread {
	return []thread{
		{aboutPath("graphs"), []remark{
			{by: "demo-anna", day: 3, text: "Does the order matter, or can I do Euler tours right after walks?", replies: []remark{
				{by: "demo-curator", text: "You can: Euler tours need degrees and walks, nothing more."},
				{by: "demo-ben", text: "I did, and it made trees easier."},
			}},
			{by: "demo-王芳", day: 9, text: "这条路径编排得很好，每一步都不大。", replies: []remark{
				{by: "demo-curator", text: "谢谢！最短路那一节还会再加两个例子。"},
			}},
			{by: "demo-spam", day: 15, text: "BUY PANS NOW, cheapest pans!!!", hidden: true, replies: []remark{
				{by: "demo-chloe", text: "What has this to do with graphs?"},
			}},
		}},
		{aboutPoint("bfs"), []remark{
			{by: "demo-李强", day: 14, text: "为什么队列里的距离最多只差一？", replies: []remark{
				{by: "demo-anna", text: "Because a vertex is only added from the layer before it. Draw the layers, then it is plain."},
				{by: "demo-王芳", text: "把图按层画出来，一眼就看懂了。"},
			}},
			{by: "demo-chloe", day: 18, text: "Ripples in a pond. I shall never forget that picture.", edited: "Ripples in a pond: I shall never forget that picture."},
		}},
		{aboutPath("go"), []remark{
			{by: "demo-farid", day: 6, text: "Forty minutes a day is enough, if you run every program yourself.", replies: []remark{
				{by: "demo-hugo", text: "And change something in it, and run it again."},
			}},
			{by: "demo-张伟", day: 11, text: "中文读者也完全跟得上，代码本身就是最好的说明。"},
		}},
		{aboutPoint("goroutines"), []remark{
			{by: "demo-刘洋", day: 24, text: "通道到底应该由谁来关闭？", replies: []remark{
				{by: "demo-curator", text: "由发送的一方，而且只关一次。"},
			}},
			{by: "demo-grace", day: 27, text: "Never mind, found it.", deleted: true},
		}},
		{aboutPath("history"), []remark{
			{by: "demo-kate", day: 8, text: "Is there a good map of the Warring States to go with this?", replies: []remark{
				{by: "demo-陈静", text: "谭其骧的《中国历史地图集》，图书馆里应该有。", edited: "谭其骧主编的《中国历史地图集》，图书馆里应该有。"},
				{by: "demo-kate", text: "Found it, thank you!"},
			}},
			{by: "demo-杨帆", day: 16, text: "孩子最喜欢张骞出使西域那一段。"},
		}},
		{aboutPoint("tang"), []remark{
			{by: "demo-小雨", day: 20, text: "边读唐诗边学这一节，记得特别牢。", replies: []remark{
				{by: "demo-liam", text: "Which poems would you begin with?", replies: []remark{
					{by: "demo-小雨", text: "从王维和李白开始吧，短的就好。"},
				}},
			}},
		}},
		{aboutPath("cooking"), []remark{
			{by: "demo-noah", day: 10, text: "The knife lesson alone was worth it. Still have ten fingers.", replies: []remark{
				{by: "demo-马超", text: "手指弯起来，慢一点没关系。"},
			}},
		}},
		{aboutPoint("braise"), []remark{
			{by: "demo-黄蓉", day: 19, text: "炒糖色总是发苦，怎么办？", replies: []remark{
				{by: "demo-孙丽", text: "火再小一点，颜色到琥珀色就下肉。"},
				{by: "demo-curator", text: "对，宁浅勿深。"},
			}},
		}},
		{aboutGoal("demo-anna"), []remark{
			{by: "demo-ben", day: 13, text: "How far are you? I am stuck at trees."},
			{by: "demo-admin", day: 25, text: "Nice to see this goal in public."},
		}},
		{aboutGoal("demo-黄蓉"), []remark{
			{by: "demo-马超", day: 29, text: "什么时候请客？", replies: []remark{{by: "demo-黄蓉", text: "学完就请！"}}},
		}},
		{aboutAssessment("demo-farid", events.Assignment), []remark{
			{by: "demo-farid", day: 33, text: "I handed in the second version; the first one leaked a goroutine.", replies: []remark{
				{by: "demo-curator", text: "Seen. Good that you looked for it."},
			}},
		}},
	}
}
