package criurpc

import "os"

// Stage is a stage of a dump or a restore, by criu's name (action scripts in criu(8)).
type Stage string

// The stages in their order. Criu may tell others.
const (
	// Of a dump. All can be refused.
	StagePreDump       Stage = "pre-dump"       // nothing has been done
	StageNetworkLock   Stage = "network-lock"   // the tasks are frozen; also a stage of a restore
	StageNetworkUnlock Stage = "network-unlock" // of a dump that goes back or leaves the tasks running; and of a restore
	StagePostDump      Stage = "post-dump"      // the images are complete, the tasks still there

	StageQueryExtFiles Stage = "query-ext-files" // a list of external files is asked for

	// Of a restore.
	StagePreRestore          Stage = "pre-restore"           // nothing has been done
	StageSetupNamespaces     Stage = "setup-namespaces"      // the first task is there: Notification.Pid
	StagePostSetupNamespaces Stage = "post-setup-namespaces" // its namespaces are complete
	StageOrphanPtsMaster     Stage = "orphan-pts-master"     // Notification.File is the terminal's other end
	StagePostRestore         Stage = "post-restore"          // all tasks are there, and none runs
	StagePreResume           Stage = "pre-resume"            // criu does not go back from here on
	StagePostResume          Stage = "post-resume"           // the tasks run
)

// Notification is a stage that criu has reached. Criu waits until Request.Notify has
// returned: an error refuses, and criu takes all back. The stages StagePreResume and
// StagePostResume cannot be refused.
type Notification struct {
	Stage Stage

	// Pid is that of the tree's first process, as this program sees it, at those stages of a
	// restore at which there is one; else 0.
	Pid int

	// File came with the notification, or is nil. It is closed after the call of
	// Request.Notify; who wants it takes it with TakeFile.
	File *os.File
}

// TakeFile gives the File to the caller, who closes it.
func (n *Notification) TakeFile() *os.File {
	file := n.File
	n.File = nil
	return file
}
