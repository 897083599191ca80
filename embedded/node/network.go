package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"os"
	"path/filepath"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// link is the one way between the cluster and the host: two ends, four addresses.
type link struct {
	// Index picks the name and the addresses.
	Index int `json:"index"`
}

const (
	// The range for tests between network devices (RFC 2544): nobody routes it.
	linkRangeFirst = 198<<24 | 19<<16
	linkCount      = 1 << 14
	insideName     = "eth0"
)

func (l link) hostName() string { return fmt.Sprintf("twr%d", l.Index) }

func (l link) address(last int) *net.IPNet {
	ip := make(net.IP, 4)
	binary.BigEndian.PutUint32(ip, uint32(linkRangeFirst+l.Index*4+last))
	return &net.IPNet{IP: ip, Mask: net.CIDRMask(30, 32)}
}

func (l link) host() *net.IPNet { return l.address(1) }
func (l link) node() *net.IPNet { return l.address(2) }

// connect makes the link to the network namespace of the process pid. It takes
// the index of the last time, else one derived from the id, else the next that
// is free; making an interface of that name is what claims it.
func connect(folder, id string, pid int) (link, error) {
	if err := removeOwnLinks(id); err != nil {
		return link{}, err
	}
	taken, err := takenRanges()
	if err != nil {
		return link{}, err
	}
	first := preferredIndex(folder, id)
	for offset := range linkCount {
		candidate := link{(first + offset) % linkCount}
		if overlapsAny(candidate.host(), taken) {
			continue
		}
		err := makeLink(candidate, id, pid)
		if errors.Is(err, unix.EEXIST) {
			continue
		}
		if err != nil {
			return link{}, fmt.Errorf("link to the cluster's network: %w", err)
		}
		return candidate, writeJSON(filepath.Join(folder, "network.json"), candidate)
	}
	return link{}, unsupported("every address of 198.19.0.0/16 is routed elsewhere")
}

func preferredIndex(folder, id string) int {
	var last link
	if text, err := os.ReadFile(filepath.Join(folder, "network.json")); err == nil && json.Unmarshal(text, &last) == nil {
		return last.Index % linkCount
	}
	hash := fnv.New32a()
	hash.Write([]byte(id))
	return int(hash.Sum32() % linkCount)
}

// removeOwnLinks removes what a dead node left, for which the kernel takes a
// moment: the addresses are wanted again.
func removeOwnLinks(id string) error {
	links, err := netlink.LinkList()
	if err != nil {
		return err
	}
	for _, left := range links {
		if left.Attrs().Alias != id {
			continue
		}
		if err := netlink.LinkDel(left); err != nil && !errors.Is(err, unix.ENODEV) {
			return fmt.Errorf("remove the old link %s: %w", left.Attrs().Name, err)
		}
	}
	return nil
}

// takenRanges are the host's routes and addresses, without those as wide as a
// default route.
func takenRanges() ([]*net.IPNet, error) {
	var taken []*net.IPNet
	routes, err := netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE)
	if err != nil {
		return nil, err
	}
	for _, route := range routes {
		if route.Dst == nil {
			continue
		}
		if ones, _ := route.Dst.Mask.Size(); ones > 8 {
			taken = append(taken, route.Dst)
		}
	}
	return taken, nil
}

func overlapsAny(one *net.IPNet, others []*net.IPNet) bool {
	for _, other := range others {
		if one.Contains(other.IP) || other.Contains(one.IP) {
			return true
		}
	}
	return false
}

func makeLink(l link, id string, pid int) error {
	attributes := netlink.NewLinkAttrs()
	attributes.Name = l.hostName()
	pair := &netlink.Veth{LinkAttrs: attributes, PeerName: insideName, PeerNamespace: netlink.NsPid(pid)}
	if err := netlink.LinkAdd(pair); err != nil {
		return err
	}
	outside, err := netlink.LinkByName(l.hostName())
	if err != nil {
		return err
	}
	if err := netlink.LinkSetAlias(outside, id); err != nil {
		return err
	}
	// Whatever the host forwards for others, it forwards nothing that comes out of the cluster.
	if err := setSysctl("net/ipv4/conf/"+l.hostName()+"/forwarding", "0"); err != nil {
		return err
	}
	_ = setSysctl("net/ipv6/conf/"+l.hostName()+"/disable_ipv6", "1") // absent where IPv6 is
	if err := netlink.AddrAdd(outside, &netlink.Addr{IPNet: l.host()}); err != nil {
		return err
	}
	return netlink.LinkSetUp(outside)
}

// configureInside sets up the network namespace that this process is in.
func configureInside(l link) error {
	_ = setSysctl("net/ipv6/conf/default/disable_ipv6", "1")
	_ = setSysctl("net/ipv6/conf/"+insideName+"/disable_ipv6", "1")
	if err := setSysctl("net/ipv4/ip_forward", "1"); err != nil {
		return err
	}
	// When the pods die with the node, sockets to them would go on retrying for
	// minutes and keep the namespace, which nobody sees any more, alive.
	_ = setSysctl("net/ipv4/tcp_orphan_retries", "1")
	loopback, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	if err := netlink.LinkSetUp(loopback); err != nil {
		return err
	}
	inside, err := netlink.LinkByName(insideName)
	if err != nil {
		return err
	}
	if err := netlink.AddrAdd(inside, &netlink.Addr{IPNet: l.node()}); err != nil {
		return err
	}
	if err := netlink.LinkSetUp(inside); err != nil {
		return err
	}
	return addRoutes(loopback, l.node().IP)
}

// addRoutes leaves the host's end of the link as the only neighbour. Programs
// on the node need a route to Service addresses, or they fail before kube-proxy's
// rules can rewrite the address; what no rule rewrites, the loopback drops.
func addRoutes(loopback netlink.Link, nodeIP net.IP) error {
	_, services, err := net.ParseCIDR(serviceRange)
	if err != nil {
		return err
	}
	if err := netlink.RouteAdd(&netlink.Route{LinkIndex: loopback.Attrs().Index, Dst: services, Src: nodeIP, Scope: netlink.SCOPE_LINK}); err != nil {
		return fmt.Errorf("route to Services: %w", err)
	}
	everything := &net.IPNet{IP: net.IPv4zero, Mask: net.CIDRMask(0, 32)}
	if err := netlink.RouteAdd(&netlink.Route{Dst: everything, Type: unix.RTN_UNREACHABLE}); err != nil {
		return fmt.Errorf("route to nowhere: %w", err)
	}
	return nil
}

func setSysctl(name, value string) error {
	return os.WriteFile("/proc/sys/"+name, []byte(value), 0)
}
