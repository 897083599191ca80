package traceql

import (
	"cmp"
	"math"
	"reflect"
	"regexp"
	"slices"
	"time"
)

// Status and Kind are the names that TraceQL has for those of spans; absent is what a query calls nil.
type (
	Status string
	Kind   string
	absent struct{}
)

// Values are of these types, or nil. A list is an array, or what several events or links have.
var types = map[reflect.Type]string{
	reflect.TypeFor[string](): "string", reflect.TypeFor[bool](): "bool", reflect.TypeFor[[]any](): "list",
	reflect.TypeFor[int64](): "int", reflect.TypeFor[float64](): "float", reflect.TypeFor[time.Duration](): "duration",
	reflect.TypeFor[Status](): "status", reflect.TypeFor[Kind](): "kind",
	reflect.TypeFor[absent](): "nil", reflect.TypeFor[[]Spanset](): "spanset",
}

// TypeOf a value; "" for nil, and for what TraceQL knows nothing of, as bytes and maps.
func TypeOf(value any) string { return types[reflect.TypeOf(value)] }

// Elements of a list; of any other value itself.
func Elements(value any) []any {
	if list, isList := value.([]any); isList {
		return list
	}
	return []any{value}
}

// apply gives what an operator makes of two values, and whether it goes with their types.
type apply func(left, right any) (result any, fits bool)

// operator is what stands between two values; the tighter its binding, the sooner it takes them.
type operator struct {
	binding int
	apply
}

// comparing is how tightly operators bind that compare.
const comparing = 2

// As in Tempo, && and || bind alike.
var operators = map[string]operator{
	"&&": {1, logic(func(left, right bool) bool { return left && right })},
	"||": {1, logic(func(left, right bool) bool { return left || right })},
	"=":  {comparing, equality(true)}, "!=": {comparing, equality(false)},
	"<": {comparing, ordering(-1)}, "<=": {comparing, ordering(-1, 0)},
	">": {comparing, ordering(1)}, ">=": {comparing, ordering(0, 1)},
	"=~": {comparing, matching(true)}, "!~": {comparing, matching(false)},
	"+": {3, calculation(func(a, b float64) float64 { return a + b })},
	"-": {3, calculation(func(a, b float64) float64 { return a - b })},
	"*": {4, calculation(func(a, b float64) float64 { return a * b })},
	"/": {4, calculation(func(a, b float64) float64 { return a / b })},
	"%": {4, calculation(math.Mod)},
	"^": {5, calculation(math.Pow)},
}

func logic(of func(left, right bool) bool) apply {
	return func(left, right any) (any, bool) {
		return of(left == true, right == true), TypeOf(left) == "bool" && TypeOf(right) == "bool"
	}
}

// equality goes with values of one type, with numbers, and with nil.
func equality(wanted bool) apply {
	equal := forLists(func(left, right any) (any, bool) {
		if order, fits := compare(left, right); fits {
			return (order == 0) == wanted, true
		}
		fits := left != nil && TypeOf(left) == TypeOf(right)
		return fits && reflect.DeepEqual(left, right) == wanted, fits
	})
	return func(left, right any) (any, bool) {
		isAbsent := func(value any) bool { return value == nil || value == any(absent{}) }
		if TypeOf(left) == "nil" || TypeOf(right) == "nil" {
			return (isAbsent(left) && isAbsent(right)) == wanted, true
		}
		return equal(left, right)
	}
}

// ordering goes with numbers, and with texts.
func ordering(orders ...int) apply {
	return forLists(func(left, right any) (any, bool) {
		order, fits := compare(left, right)
		return fits && slices.Contains(orders, order), fits
	})
}

// matching goes with texts on the left and an expression on the right.
func matching(wanted bool) apply {
	return forLists(func(left, right any) (any, bool) {
		text, isText := left.(string)
		pattern, isPattern := right.(*regexp.Regexp)
		fits := isText && isPattern
		return fits && pattern.MatchString(text) == wanted, fits
	})
}

// forLists lets a comparison hold for a list when it does for one of its elements.
func forLists(holds apply) apply {
	return func(left, right any) (result any, fits bool) {
		for _, l := range Elements(left) {
			for _, r := range Elements(right) {
				if result, fits = holds(l, r); result == true {
					return true, true
				}
			}
		}
		return false, fits
	}
}

// compare gives -1, 0 or 1 for numbers and texts; 2 where one is no number, NaN.
func compare(left, right any) (order int, fits bool) {
	switch left := left.(type) {
	case string:
		right, isText := right.(string)
		return cmp.Compare(left, right), isText
	case int64:
		if right, isInt := right.(int64); isInt {
			return cmp.Compare(left, right), true
		}
	}
	a, b, areNumbers := numbers(left, right)
	if math.IsNaN(a) || math.IsNaN(b) {
		return 2, areNumbers
	}
	return cmp.Compare(a, b), areNumbers
}

// calculation gives nil where no integer is the result.
func calculation(of func(a, b float64) float64) apply {
	return func(left, right any) (any, bool) {
		a, b, areNumbers := numbers(left, right)
		result, types := of(a, b), []string{TypeOf(left), TypeOf(right)}
		isDuration := slices.Contains(types, "duration")
		switch {
		case !areNumbers:
			return nil, false
		case !isDuration && slices.Contains(types, "float"):
			return result, true
		case math.IsNaN(result) || math.Abs(result) >= math.MaxInt64:
			return nil, true
		case isDuration:
			return time.Duration(result), true
		}
		return int64(result), true
	}
}

func numbers(left, right any) (a, b float64, areNumbers bool) {
	a, isFirst := number(left)
	b, isSecond := number(right)
	return a, b, isFirst && isSecond
}

func number(value any) (number float64, isNumber bool) {
	switch it := reflect.ValueOf(value); {
	case it.CanInt():
		return float64(it.Int()), true
	case it.CanFloat():
		return it.Float(), true
	}
	return 0, false
}
