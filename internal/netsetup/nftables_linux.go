package netsetup

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// CriuTable is how the names of the tables of nftables begin by which criu(8) locks the network.
const CriuTable = "CRIU-"

// The messages of nftables, see linux/netfilter/nfnetlink.h and nf_tables.h.
const (
	batchBegin   = 16 // NFNL_MSG_BATCH_BEGIN
	batchEnd     = 17 // NFNL_MSG_BATCH_END
	nfTables     = unix.NFNL_SUBSYS_NFTABLES
	getTable     = nfTables<<8 | unix.NFT_MSG_GETTABLE
	deleteTable  = nfTables<<8 | unix.NFT_MSG_DELTABLE
	sizeofGenMsg = 4 // struct nfgenmsg: family, version, id in network order
)

// nftTimeout bounds the wait for an answer of the kernel, which comes at once.
const nftTimeout = 10 * time.Second

// CriuTables lists the tables of nftables, of the family inet, that criu(8) has made in a
// network namespace, by their names. A kernel without nftables has none.
func CriuTables(ns *os.File) (names []string, err error) {
	err = withNftables(ns, func(fd int) error {
		names, err = listTables(fd)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list tables of nftables: %w", err)
	}
	return names, nil
}

// RemoveTable removes a table of the family inet, with the chains and rules in it. That there is
// none is no error.
func RemoveTable(ns *os.File, name string) error {
	err := withNftables(ns, func(fd int) error {
		var request []byte
		request = appendNft(request, batchBegin, unix.NLM_F_REQUEST, unix.AF_UNSPEC, nfTables, nil)
		request = appendNft(request, deleteTable, unix.NLM_F_REQUEST|unix.NLM_F_ACK, unix.NFPROTO_INET, 0, tableName(name))
		request = appendNft(request, batchEnd, unix.NLM_F_REQUEST, unix.AF_UNSPEC, nfTables, nil)
		return exchangeNft(fd, request, func(syscall.NetlinkMessage) error { return nil })
	})
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	return err
}

func withNftables(ns *os.File, call func(fd int) error) error {
	return inNamespace(ns, func() error {
		fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
		if errors.Is(err, unix.EPROTONOSUPPORT) {
			return nil // the kernel has no netfilter
		}
		if err != nil {
			return os.NewSyscallError("socket", err)
		}
		defer unix.Close(fd)
		timeout := unix.NsecToTimeval(nftTimeout.Nanoseconds())
		if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
		return call(fd)
	})
}

func listTables(fd int) (names []string, err error) {
	request := appendNft(nil, getTable, unix.NLM_F_REQUEST|unix.NLM_F_DUMP, unix.NFPROTO_INET, 0, nil)
	err = exchangeNft(fd, request, func(m syscall.NetlinkMessage) error {
		name, err := nameOfTable(m.Data)
		if err == nil && strings.HasPrefix(name, CriuTable) {
			names = append(names, name)
		}
		return err
	})
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP) {
		return nil, nil // there is no nftables, and so no table
	}
	return names, err
}

func nameOfTable(data []byte) (string, error) {
	if len(data) < sizeofGenMsg {
		return "", unix.EBADMSG
	}
	for data = data[sizeofGenMsg:]; len(data) >= unix.SizeofRtAttr; {
		size := int(binary.NativeEndian.Uint16(data))
		kind := binary.NativeEndian.Uint16(data[2:]) &^ (unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER)
		if size < unix.SizeofRtAttr || size > len(data) {
			return "", unix.EBADMSG
		}
		if kind == unix.NFTA_TABLE_NAME {
			return strings.TrimRight(string(data[unix.SizeofRtAttr:size]), "\x00"), nil
		}
		data = data[min(align(size), len(data)):]
	}
	return "", nil
}

func tableName(name string) []byte {
	size := unix.SizeofRtAttr + len(name) + 1
	attr := make([]byte, align(size))
	binary.NativeEndian.PutUint16(attr, uint16(size))
	binary.NativeEndian.PutUint16(attr[2:], unix.NFTA_TABLE_NAME)
	copy(attr[unix.SizeofRtAttr:], name)
	return attr
}

// align rounds up as netlink(7) aligns messages and attributes.
func align(n int) int { return (n + unix.NLMSG_ALIGNTO - 1) &^ (unix.NLMSG_ALIGNTO - 1) }

// appendNft appends a message: its header, struct nfgenmsg and the attributes.
func appendNft(out []byte, kind, flags int, family byte, id uint16, attrs []byte) []byte {
	size := unix.SizeofNlMsghdr + sizeofGenMsg + len(attrs)
	out = binary.NativeEndian.AppendUint32(out, uint32(size))
	out = binary.NativeEndian.AppendUint16(out, uint16(kind))
	out = binary.NativeEndian.AppendUint16(out, uint16(flags))
	out = binary.NativeEndian.AppendUint32(out, 1) // sequence
	out = binary.NativeEndian.AppendUint32(out, 0) // the kernel fills the port in
	out = append(out, family, unix.NFNETLINK_V0)
	out = binary.BigEndian.AppendUint16(out, id)
	return append(out, attrs...)
}

// exchangeNft sends a request and calls call for each message of the answer, until that
// ends.
func exchangeNft(fd int, request []byte, call func(syscall.NetlinkMessage) error) error {
	if err := unix.Sendto(fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return os.NewSyscallError("sendto", err)
	}
	buf := make([]byte, 1<<16)
	for {
		n, _, err := unix.Recvfrom(fd, buf, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return os.NewSyscallError("recvfrom", err)
		}
		list, err := syscall.ParseNetlinkMessage(buf[:n])
		if err != nil {
			return fmt.Errorf("parse answer of nftables: %w", err)
		}
		for _, m := range list {
			switch m.Header.Type {
			case unix.NLMSG_DONE:
				return nil
			case unix.NLMSG_ERROR:
				if len(m.Data) < 4 {
					return unix.EBADMSG
				}
				if errno := -int32(binary.NativeEndian.Uint32(m.Data)); errno != 0 {
					return unix.Errno(errno)
				}
				return nil // the acknowledgement
			}
			if err := call(m); err != nil {
				return err
			}
		}
	}
}
