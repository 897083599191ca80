package conformance

// Why answers differ, as the README of the store lists it.
const (
	numbers   = "numbers are compared as numbers: Tempo finds no float with an integer, and no integer with a float"
	power     = "^ is the power of two numbers, as TraceQL's documentation says"
	more      = "Tempo 2.10 refuses it, newer ones and TraceQL's documentation know it"
	arithm    = "the two sides of a comparison in a pipeline may be calculated, and nested pipelines may have functions"
	rootless  = "spans hang together also where their root has not arrived"
	newest    = "of more traces than the limit those that begin last are answered; Tempo takes any"
	typedTags = "`tags` also finds numbers and booleans, and texts under names of which Tempo expects numbers"
	absent    = "an attribute that is missing has no value \"\""
	codes     = "the values of status.code are words, not numbers"
	durations = "durations have values, too"
	firstSet  = "where a pipeline groups, spanSet is the first of spanSets; Tempo's order of them differs"
	allEvents = "select() answers the values of all events"
)

// differences are the requests that are answered otherwise than by Tempo.
var differences = map[string]string{
	`{ .a.float < 0 }`:  numbers,
	`{ .n.minus < 0 }`:  numbers,
	`{ .a.int > 41.5 }`: numbers,
	`{ .a.whole = 2 }`:  numbers,
	`{ .a.floats < 1 }`: numbers,
	`{ span.amount > 50 } with (most_recent=true)`:                      numbers,
	`{ .level ^ 2 = 49 }`:                                               power,
	`{ 2 ^ 3 ^ 1 = .level }`:                                            power,
	`{ -.level = -4 }`:                                                  more,
	`{ childCount = 3 }`:                                                more,
	`{ childCount > 2 && name = "parent 0" }`:                           more,
	`{ parent.generation = 1 }`:                                         more,
	`{ parent.level = 7 }`:                                              more,
	`{ parent.span.foo = 1 }`:                                           more,
	`{ parent.foo != nil && span.last = true }`:                         more,
	`{ parent.resource.service.name = "producer" }`:                     more,
	`{ resource.service.name = "payment" } | count() + 1 = 3`:           arithm,
	`{ resource.service.name = "payment" } | max(duration) > 2 * 100ms`: arithm,
	`({ name = "same" } | count()) > 5`:                                 arithm,
	`({ name = "charge" } | count() > 0) && { status = error }`:         arithm,
	`{ .level = "top" } > { .level = "middle" }`:                        rootless,
	`{ .level = "top" } >> { .level = "bottom" }`:                       rootless,
	`{ resource.service.name = "redis" } | by(status)`:                  firstSet,
	`{ name = "with events" } | select(event:name)`:                     allEvents,
	"/api/search?limit=3":                                               newest,
	"/api/search?q=":                                                    newest,
	"/api/search?q=%7B%7D&limit=2&spss=1":                               newest,
	"/api/search?q=%7B%7D&spss=0":                                       newest,
	"/api/search?tags=a.int%3D42":                                       typedTags,
	"/api/search?tags=a.true%3Dtrue":                                    typedTags,
	"/api/search?tags=a.float%3D1.5":                                    typedTags,
	"/api/search?tags=http.status_code%3D200":                           typedTags,
	"/api/search?tags=service.name%3Dredis%20retry%3Dtrue":              typedTags,
	"/api/search/tag/service.name/values":                               absent,
	"/api/v2/search/tag/resource.service.name/values":                   absent,
	"/api/v2/search/tag/.service.name/values":                           absent,
	"/api/search/tag/status.code/values":                                codes,
	"/api/v2/search/tag/duration/values":                                durations,
}
