package criurpc

import "os"

// Stage is a stage of a dump or a restore, by criu's name: see action scripts in criu(8).
type Stage string

// The stages, in the order in which criu reaches them. There may be others.
const (
	// StagePreDump: the dump begins. Nothing has been done.
	StagePreDump Stage = "pre-dump"
	// StageQueryExtFiles: criu asks for files that are external. The answer has no place for any.
	StageQueryExtFiles Stage = "query-ext-files"
	// StageNetworkLock: the tasks are frozen, and the network is about to be locked. A restore
	// has it, too.
	StageNetworkLock Stage = "network-lock"
	// StageStatusReady: a dump with lazy_pages, or a page server, listens for who wants the pages.
	StageStatusReady Stage = "status-ready"
	// StagePostDump: the images are complete, and the tasks still exist. It is the last chance
	// to have them go on.
	StagePostDump Stage = "post-dump"
	// StageNetworkUnlock: the network is about to be unlocked, because a dump goes back or leaves
	// the tasks running, or because a restore is as good as done. It cannot be refused.
	StageNetworkUnlock Stage = "network-unlock"

	// StagePreRestore: the restore begins. Nothing has been done.
	StagePreRestore Stage = "pre-restore"
	// StageSetupNamespaces: the first task is there, and its namespaces are empty.
	StageSetupNamespaces Stage = "setup-namespaces"
	// StagePostSetupNamespaces: its namespaces are what they were.
	StagePostSetupNamespaces Stage = "post-setup-namespaces"
	// StageOrphanPtsMaster: Notification.File is the other end of a terminal.
	StageOrphanPtsMaster Stage = "orphan-pts-master"
	// StagePostRestore: all tasks exist, and none of them runs. It is the last that can be
	// refused.
	StagePostRestore Stage = "post-restore"
	// StagePreResume: the tasks are about to run. It cannot be refused.
	StagePreResume Stage = "pre-resume"
	// StagePostResume: the tasks run. It cannot be refused.
	StagePostResume Stage = "post-resume"
)

// final tells whether criu goes on whatever the answer is.
func (s Stage) final() bool {
	return s == StageNetworkUnlock || s == StagePreResume || s == StagePostResume
}

// Notification is a stage that criu has reached. Criu waits until Request.Notify has
// returned. An error of that refuses the stage, and criu takes back all it has done.
type Notification struct {
	Stage Stage

	// Pid is that of the first task of a restore, as this program sees it, at the stages at
	// which criu tells it: StageSetupNamespaces and some later ones. Otherwise it is 0.
	Pid int

	// File has come with the notification. It is nil if there is none, and is closed when
	// Request.Notify has returned, unless that has taken it: TakeFile.
	File *os.File
}

// TakeFile gives the File to the caller, who closes it.
func (n *Notification) TakeFile() *os.File {
	file := n.File
	n.File = nil
	return file
}
