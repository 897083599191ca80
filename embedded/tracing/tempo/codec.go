package main

import (
	"fmt"

	gogo "github.com/gogo/protobuf/proto"
	"google.golang.org/grpc/encoding"
	// Registers grpc's own codec; imported so that it comes before ours.
	_ "google.golang.org/grpc/encoding/proto"
	"google.golang.org/protobuf/proto"
)

// Tempo replaces grpc's codec by one that knows its pooled gogo types. Since Go
// 1.21 packages initialise in another order, grpc's own registration comes last,
// and the distributor panics ("invalid Go type tempopb.PreallocBytes"). The main
// package initialises after all others: what it registers stays.
func init() { encoding.RegisterCodec(codec{}) }

// codec marshals golang/protobuf messages and, which grpc's own cannot, gogo's.
type codec struct{}

func (codec) Name() string { return "proto" }

func (codec) Marshal(message any) ([]byte, error) {
	switch m := message.(type) {
	case proto.Message:
		return proto.Marshal(m)
	case gogo.Message:
		return gogo.Marshal(m)
	}
	return nil, fmt.Errorf("%T is not a protobuf message", message)
}

func (codec) Unmarshal(data []byte, message any) error {
	switch m := message.(type) {
	case proto.Message:
		return proto.Unmarshal(data, m)
	case gogo.Message:
		return gogo.Unmarshal(data, m)
	}
	return fmt.Errorf("%T is not a protobuf message", message)
}
