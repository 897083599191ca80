package conformance

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// builder makes the traces of which the answers were recorded. All times are offsets from base; ids count up.
type builder struct {
	base   time.Time
	traces []ptrace.Traces
	trace  byte
	span   uint64
	data   ptrace.Traces
	scopes map[string]ptrace.ScopeSpans
}

type attributes = map[string]any

// begin starts a trace; its spans are made by the calls that follow.
func (b *builder) begin() {
	b.trace++
	b.data = ptrace.NewTraces()
	b.scopes = map[string]ptrace.ScopeSpans{}
	b.traces = append(b.traces, b.data)
}

func (b *builder) id() pcommon.TraceID {
	// One id begins with zeros, which Tempo leaves out in answers.
	id := pcommon.TraceID{0xab, 0xcd, 15: b.trace}
	if b.trace == 3 {
		id[0], id[1] = 0, 0x0f
	}
	return id
}

func (b *builder) service(name string, more attributes) ptrace.ScopeSpans {
	key := name + fmt.Sprint(more)
	if scope, known := b.scopes[key]; known {
		return scope
	}
	resource := b.data.ResourceSpans().AppendEmpty()
	if name != "" {
		resource.Resource().Attributes().PutStr("service.name", name)
	}
	put(resource.Resource().Attributes(), more)
	scope := resource.ScopeSpans().AppendEmpty()
	scope.Scope().SetName("lib-" + name)
	scope.Scope().SetVersion("1.2.3")
	b.scopes[key] = scope
	return scope
}

// add makes a span; start and duration are in milliseconds.
func (b *builder) add(scope ptrace.ScopeSpans, parent pcommon.SpanID, name string, kind ptrace.SpanKind, start, duration float64, of attributes) ptrace.Span {
	b.span++
	var id pcommon.SpanID
	binary.BigEndian.PutUint64(id[:], b.span)
	id[0] = 0x5b
	span := scope.Spans().AppendEmpty()
	span.SetTraceID(b.id())
	span.SetSpanID(id)
	span.SetParentSpanID(parent)
	span.SetName(name)
	span.SetKind(kind)
	begin := b.base.Add(time.Duration(b.trace) * time.Second).Add(time.Duration(start * 1e6))
	span.SetStartTimestamp(pcommon.NewTimestampFromTime(begin))
	span.SetEndTimestamp(pcommon.NewTimestampFromTime(begin.Add(time.Duration(duration * 1e6))))
	put(span.Attributes(), of)
	return span
}

func put(into pcommon.Map, from attributes) {
	for key, value := range from {
		if err := into.PutEmpty(key).FromRaw(value); err != nil {
			panic(err)
		}
	}
}

func fail(span ptrace.Span, message string) {
	span.Status().SetCode(ptrace.StatusCodeError)
	span.Status().SetMessage(message)
}

var none pcommon.SpanID

// allTraces are 24 traces of many kinds.
func allTraces(base time.Time) []ptrace.Traces {
	b := &builder{base: base}
	for ride := range 4 {
		b.ride(ride)
	}
	b.types()
	b.events()
	b.orphan()
	b.edges()
	b.deep(40)
	b.names()
	b.siblings()
	b.shared()
	b.two()
	for i := range 10 {
		b.checkout(i)
	}
	b.messaging()
	return b.traces
}

// ride looks like one of HotROD's.
func (b *builder) ride(number int) {
	b.begin()
	host := attributes{"host.name": fmt.Sprintf("node-%d", number%2), "deployment.environment": "production"}
	frontend, driver := b.service("frontend", host), b.service("driver", host)
	root := b.add(frontend, none, "HTTP GET /dispatch", ptrace.SpanKindServer, 0, 700+float64(number), attributes{
		"http.method": "GET", "http.url": "/dispatch?customer=123", "http.status_code": 200, "component": "net/http"})
	customer := b.add(frontend, root.SpanID(), "HTTP GET: /customer", ptrace.SpanKindClient, 1, 300, attributes{
		"http.method": "GET", "http.url": "0.0.0.0:8081", "http.status_code": 200})
	inner := b.add(b.service("customer", host), customer.SpanID(), "HTTP GET /customer", ptrace.SpanKindServer, 2, 298, attributes{
		"http.method": "GET", "http.status_code": 200})
	b.add(b.service("mysql", host), inner.SpanID(), "SQL SELECT", ptrace.SpanKindClient, 3, 290, attributes{
		"sql.query": "SELECT * FROM customer WHERE customer_id=123", "peer.service": "mysql", "request": "1a2b"})
	find := b.add(driver, root.SpanID(), "/driver.DriverService/FindNearest", ptrace.SpanKindServer, 310, 200, attributes{"rpc.system": "grpc"})
	for i := range 4 {
		span := b.add(b.service("redis", host), find.SpanID(), "GetDriver", ptrace.SpanKindClient, 312+float64(i)*20, 15+float64(i), attributes{
			"param.driverID": fmt.Sprintf("T70%d", i), "retry": i == 2})
		if i == 2 {
			fail(span, "redis timeout")
			event := span.Events().AppendEmpty()
			event.SetName("redis timeout")
			event.SetTimestamp(span.StartTimestamp() + 10e6)
			put(event.Attributes(), attributes{"driver_id": "T702", "error": true})
		}
	}
	route := b.service("route", host)
	for i := range 3 {
		call := b.add(frontend, root.SpanID(), "HTTP GET: /route", ptrace.SpanKindClient, 520+float64(i)*50, 45, attributes{
			"http.method": "GET", "http.status_code": 200})
		b.add(route, call.SpanID(), "HTTP GET /route", ptrace.SpanKindServer, 521+float64(i)*50, 40, attributes{
			"http.method": "GET", "http.status_code": 200 + 300*(i/2)})
	}
}

// types has every type of attribute, on spans and resources.
func (b *builder) types() {
	b.begin()
	scope := b.service("types", attributes{"r.int": 7, "r.bool": true, "r.float": 0.5, "r.list": []any{"x", "y"}})
	b.add(scope, none, "all types", ptrace.SpanKindInternal, 0, 10, attributes{
		"a.string": "text", "a.empty": "", "a.int": 42, "a.negative": -3, "a.large": math.MaxInt64, "a.float": 1.5, "a.whole": 2.0,
		"a.true": true, "a.false": false, "a.strings": []any{"one", "two"}, "a.ints": []any{1, 2, 3}, "a.floats": []any{0.5, 1.5},
		"a.bools": []any{true, false}, "a.none": []any{}, "a.bytes": []byte{1, 2, 255},
		"a.map": map[string]any{"inner": map[string]any{"deep": 1}, "list": []any{1, "b"}}})
	b.add(scope, none, "numbers", ptrace.SpanKindInternal, 1, 5, attributes{
		"n.nan": math.NaN(), "n.infinity": math.Inf(1), "n.minus": math.Inf(-1), "n.tiny": 1e-300, "a.int": 41, "a.float": -2.25})
	b.add(scope, none, "odd names", ptrace.SpanKindInternal, 2, 4, attributes{
		"with space": "s", `with"quote`: "q", "ünïcode": "ü→", "dash-ed": 1, "slash/ed": "a/b", "name": "attribute name", "status": "fine",
		"duration": 5, "http.status_code": "200", "mixed": "text"})
	b.add(scope, none, "mixed", ptrace.SpanKindInternal, 3, 4, attributes{"mixed": 5, "http.status_code": 404})
}

// events has events and links with attributes.
func (b *builder) events() {
	b.begin()
	scope := b.service("events", nil)
	span := b.add(scope, none, "with events", ptrace.SpanKindServer, 0, 100, nil)
	for i, name := range []string{"start", "exception", "end"} {
		event := span.Events().AppendEmpty()
		event.SetName(name)
		event.SetTimestamp(span.StartTimestamp() + pcommon.Timestamp(i*30e6))
		put(event.Attributes(), attributes{"number": i, "exception.message": "it's " + name})
	}
	child := b.add(scope, span.SpanID(), "with links", ptrace.SpanKindConsumer, 10, 50, nil)
	for i := range 2 {
		link := child.Links().AppendEmpty()
		link.SetTraceID(pcommon.TraceID{0xab, 0xcd, 15: byte(i + 1)})
		link.SetSpanID(pcommon.SpanID{0x5b, 7: byte(i + 1)})
		put(link.Attributes(), attributes{"relation": []string{"follows", "batch"}[i]})
	}
	child.TraceState().FromRaw("a=b")
	child.Status().SetCode(ptrace.StatusCodeOk)
}

// orphan has no root: its first span's parent never arrived.
func (b *builder) orphan() {
	b.begin()
	scope := b.service("orphan", nil)
	top := b.add(scope, pcommon.SpanID{9, 9, 9}, "lost parent", ptrace.SpanKindServer, 0, 30, attributes{"level": "top"})
	child := b.add(scope, top.SpanID(), "child of the lost", ptrace.SpanKindInternal, 5, 20, attributes{"level": "middle"})
	b.add(scope, child.SpanID(), "grandchild of the lost", ptrace.SpanKindInternal, 6, 10, attributes{"level": "bottom"})
}

// edges has spans without length, without a name, without a service, with an end before its start.
func (b *builder) edges() {
	b.begin()
	root := b.add(b.service("edges", nil), none, "edges", ptrace.SpanKindUnspecified, 0, 20, nil)
	b.add(b.service("edges", nil), root.SpanID(), "no length", ptrace.SpanKindInternal, 5, 0, attributes{"edge": "zero"})
	b.add(b.service("edges", nil), root.SpanID(), "", ptrace.SpanKindInternal, 6, 1, attributes{"edge": "nameless"})
	b.add(b.service("", attributes{"team": "nobody"}), root.SpanID(), "no service", ptrace.SpanKindInternal, 7, 1, attributes{"edge": "serviceless"})
	b.begin()
	b.add(b.service("edges", nil), none, "instant", ptrace.SpanKindInternal, 0, 0, attributes{"edge": "instant"})
}

func (b *builder) deep(levels int) {
	b.begin()
	parent := none
	for i := range levels {
		span := b.add(b.service("deep", nil), parent, fmt.Sprintf("level %02d", i), ptrace.SpanKindInternal, float64(i), float64(100-2*i), attributes{"level": i, "even": i%2 == 0})
		parent = span.SpanID()
	}
}

// names has many spans of one name, and services that share names of spans.
func (b *builder) names() {
	b.begin()
	root := b.add(b.service("one", nil), none, "same", ptrace.SpanKindServer, 0, 100, attributes{"n": 0})
	for i := range 5 {
		b.add(b.service([]string{"one", "two"}[i%2], nil), root.SpanID(), "same", ptrace.SpanKindInternal, float64(10*i), float64(5+i), attributes{"n": i + 1, "group": []string{"red", "green"}[i%2]})
	}
}

func (b *builder) siblings() {
	b.begin()
	scope := b.service("family", nil)
	root := b.add(scope, none, "grandparent", ptrace.SpanKindInternal, 0, 90, attributes{"generation": 0})
	for i := range 2 {
		parent := b.add(scope, root.SpanID(), fmt.Sprintf("parent %d", i), ptrace.SpanKindInternal, 10+float64(i)*40, 30, attributes{"generation": 1, "foo": i})
		for j := range 3 - i*2 {
			b.add(scope, parent.SpanID(), fmt.Sprintf("child %d.%d", i, j), ptrace.SpanKindInternal, 12+float64(i)*40+float64(j)*5, 4, attributes{"generation": 2, "last": j == 2})
		}
	}
}

// shared has one key on resource and span, with different values.
func (b *builder) shared() {
	b.begin()
	scope := b.service("shared", attributes{"zone": "resource zone", "only.resource": "r"})
	root := b.add(scope, none, "both", ptrace.SpanKindServer, 0, 30, attributes{"zone": "span zone"})
	b.add(scope, root.SpanID(), "resource only", ptrace.SpanKindInternal, 1, 20, nil)
}

// two has two roots.
func (b *builder) two() {
	b.begin()
	b.add(b.service("twins", nil), none, "second root", ptrace.SpanKindServer, 20, 30, attributes{"root": 2})
	b.add(b.service("twins", nil), none, "first root", ptrace.SpanKindServer, 0, 30, attributes{"root": 1})
}

func (b *builder) checkout(number int) {
	b.begin()
	length := float64(50 * (number + 1))
	env := attributes{"deployment.environment": []string{"staging", "production"}[number%2], "service.version": fmt.Sprintf("1.%d.0", number)}
	root := b.add(b.service("checkout", env), none, "POST /cart", ptrace.SpanKindServer, 0, length, attributes{
		"http.method": "POST", "http.status_code": []int{201, 400, 500}[number%3], "http.route": "/cart", "cart.items": number, "cart.total": 9.99 * float64(number)})
	payment := b.add(b.service("payment", env), root.SpanID(), "charge", ptrace.SpanKindClient, 5, length/2, attributes{"amount": 9.99 * float64(number), "currency": "EUR"})
	if number%3 == 2 {
		fail(root, "payment failed")
		fail(payment, "card declined")
	} else {
		root.Status().SetCode(ptrace.StatusCodeOk)
	}
	b.add(b.service("payment", env), payment.SpanID(), "db.query", ptrace.SpanKindClient, 6, length/4, attributes{"db.system": "postgresql", "db.rows": number * 10})
}

func (b *builder) messaging() {
	b.begin()
	root := b.add(b.service("producer", nil), none, "send", ptrace.SpanKindProducer, 0, 3, attributes{"messaging.system": "kafka"})
	b.add(b.service("consumer", nil), root.SpanID(), "receive", ptrace.SpanKindConsumer, 400, 20, attributes{"messaging.system": "kafka", "messaging.batch": 3})
}
