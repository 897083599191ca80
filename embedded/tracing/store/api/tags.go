package api

import (
	"fmt"
	"maps"
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"tracewright/embedded/tracing/store/traceql"
)

// tagNames are the names of all attributes by their scopes, sorted; of one scope where the request names one.
func (s *Server) tagNames(q question) (map[string][]string, error) {
	sets, only := map[string]map[string]bool{"intrinsic": {}}, q.FormValue("scope")
	for _, name := range traceql.Intrinsics() {
		sets["intrinsic"][name] = true
	}
	for scope := range traceql.Scopes {
		sets[scope] = map[string]bool{}
	}
	for result := range s.found(q) {
		for i := range result.Trace.Spans {
			for scope, attributes := range traceql.Scopes {
				for _, each := range attributes(&result.Trace.Spans[i]) {
					each.Range(func(name string, _ pcommon.Value) bool {
						sets[scope][name] = true
						return true
					})
				}
			}
		}
	}
	if _, isKnown := sets[only]; !isKnown && only != "" && only != "none" {
		return nil, fmt.Errorf("invalid scope: %s", only)
	}
	names := map[string][]string{}
	for scope, set := range sets {
		if len(set) > 0 && (only == "" || only == "none" || only == scope) {
			names[scope] = slices.Sorted(maps.Keys(set))
		}
	}
	return names, nil
}

func (s *Server) tagsV1(q question) (any, error) {
	byScope, err := s.tagNames(q)
	if len(byScope) > 1 {
		delete(byScope, "intrinsic")
	}
	names := slices.Concat(slices.Collect(maps.Values(byScope))...)
	slices.Sort(names)
	return object{"tagNames": append([]string{}, slices.Compact(names)...), "metrics": object{}}, err
}

func (s *Server) tagsV2(q question) (any, error) {
	names, err := s.tagNames(q)
	scopes := []object{}
	for _, scope := range slices.Sorted(maps.Keys(names)) {
		scopes = append(scopes, object{"name": scope, "tags": names[scope]})
	}
	return object{"scopes": scopes, "metrics": object{}}, err
}

// valuesV1 takes the name of an attribute without its scope.
func (s *Server) valuesV1(q question) (any, error) {
	values, err := s.values(q, fieldOfTag(q.PathValue("name")))
	texts := []string{}
	for _, value := range values {
		texts = append(texts, fmt.Sprint(value))
	}
	return object{"tagValues": slices.Compact(texts), "metrics": object{}}, err
}

// valuesV2 takes what TraceQL calls an attribute or intrinsic; `q` says of which spans.
func (s *Server) valuesV2(q question) (any, error) {
	values, err := s.values(q, q.PathValue("name"))
	list := []object{}
	for _, value := range values {
		typ := traceql.TypeOf(value)
		if typ == "status" || typ == "kind" {
			typ = "keyword"
		}
		list = append(list, object{"type": typ, "value": fmt.Sprint(value)})
	}
	return object{"tagValues": list, "metrics": object{}}, err
}

// values of a field, distinct, in the order of their texts.
func (s *Server) values(q question, name string) (values []any, err error) {
	field, err := traceql.ParseField(name)
	if err != nil {
		return nil, err
	}
	distinct := map[string]any{}
	for result := range s.found(q) {
		for _, set := range result.Sets {
			for _, span := range set.Spans {
				for _, it := range traceql.Elements(set.Value(field, span)) {
					if typ := traceql.TypeOf(it); typ != "" {
						distinct[fmt.Sprint(it, "\x00", typ)] = it
					}
				}
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(distinct)) {
		values = append(values, distinct[key])
	}
	return values, nil
}
