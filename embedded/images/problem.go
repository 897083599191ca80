package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// problem is why an image cannot be had, and how containerd is told so.
type problem struct {
	status int
	// code is one of the registry API.
	code    string
	message string
	// upstream is the status that a registry answered with.
	upstream int
	// until is when it is worth to ask again.
	until time.Time
}

func (p *problem) Error() string { return p.message }

func unknown(format string, values ...any) *problem {
	return &problem{status: http.StatusNotFound, code: "MANIFEST_UNKNOWN", message: fmt.Sprintf(format, values...)}
}

// denied is not 401, upon which containerd would look for a login of its own.
func denied(format string, values ...any) *problem {
	return &problem{status: http.StatusForbidden, code: "DENIED", message: fmt.Sprintf(format, values...)}
}

func unavailable(format string, values ...any) *problem {
	return &problem{status: http.StatusBadGateway, code: "UNAVAILABLE", message: fmt.Sprintf(format, values...)}
}

// differs is about content that is not what its name says.
func differs(format string, values ...any) *problem {
	return &problem{status: http.StatusBadGateway, code: "DIGEST_INVALID", message: fmt.Sprintf(format, values...)}
}

func limited(host string, until time.Time) *problem {
	wait := max(time.Until(until).Round(time.Second), time.Second)
	return &problem{
		status: http.StatusTooManyRequests, code: "TOOMANYREQUESTS", until: until,
		message: fmt.Sprintf("%s limits how often it may be asked (429): retry after %s", host, wait),
	}
}

// passes says whether another registry, or what was learned before, may stand in.
func (p *problem) passes() bool {
	return p.status == http.StatusBadGateway || p.status == http.StatusTooManyRequests
}

// asProblem puts an error of the network into words, without addresses of tokens and files.
func asProblem(host string, err error) *problem {
	var known *problem
	if errors.As(err, &known) {
		return known
	}
	var answer *transport.Error
	if errors.As(err, &answer) {
		return statusProblem(host, answer.StatusCode, answer.Errors, time.Time{})
	}
	var asked *url.Error
	if errors.As(err, &asked) {
		err = asked.Err
	}
	var timeout net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || (errors.As(err, &timeout) && timeout.Timeout()) {
		return unavailable("%s does not answer: timed out", host)
	}
	return unavailable("%s cannot be reached: %v", host, err)
}

// statusProblem is about an answer that is no success.
func statusProblem(host string, status int, said []transport.Diagnostic, until time.Time) *problem {
	words := ""
	if len(said) > 0 && said[0].Message != "" {
		words = ": " + said[0].Message
	}
	switch status {
	case http.StatusNotFound:
		return unknown("%s does not have it%s", host, words)
	case http.StatusUnauthorized, http.StatusForbidden:
		return denied("%s answers %d: it is private, or not there; log in on the host with `docker login %s`%s", host, status, host, words)
	case http.StatusTooManyRequests:
		if until.IsZero() {
			until = time.Now().Add(defaultPause)
		}
		return limited(host, until)
	default:
		found := unavailable("%s answers %d%s", host, status, words)
		found.upstream = status
		return found
	}
}

// answer tells containerd. Of a HEAD it shows a person nothing but the status
// line, so the reason stands there, too.
func (p *problem) answer(w http.ResponseWriter, r *http.Request) {
	log.Printf("%s %s: %d %s", r.Method, r.URL.Path, p.status, p.message)
	body, _ := json.Marshal(map[string]any{"errors": []map[string]string{{"code": p.code, "message": p.message}}})
	hijacker, can := w.(http.Hijacker)
	if !can {
		http.Error(w, string(body), p.status)
		return
	}
	connection, buffer, err := hijacker.Hijack()
	if err != nil {
		return
	}
	defer connection.Close()
	p.write(buffer.Writer, body, r.Method == http.MethodHead)
}

func (p *problem) write(w *bufio.Writer, body []byte, head bool) {
	fmt.Fprintf(w, "HTTP/1.1 %d %s\r\n", p.status, statusLine(p.message))
	if !p.until.IsZero() {
		fmt.Fprintf(w, "Retry-After: %d\r\n", int(max(time.Until(p.until), time.Second).Seconds()))
	}
	fmt.Fprintf(w, "Content-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n", len(body))
	if !head {
		_, _ = w.Write(body)
	}
	_ = w.Flush()
}

// statusLine keeps to what a status line may hold.
func statusLine(text string) string {
	clean := strings.Map(func(char rune) rune {
		if char < ' ' || char > '~' {
			return ' '
		}
		return char
	}, text)
	return clean[:min(len(clean), 400)]
}
