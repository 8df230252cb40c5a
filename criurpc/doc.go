// Package criurpc is a client of CRIU, which saves a tree of processes in files and makes
// processes of such files again: criu(8), https://criu.org/RPC. It knows no container.
//
// Each request has a criu process of its own, as "criu --no-default-config swrk", which is a
// child of this program and ends with the request. It gets nothing of this program's
// environment but PATH: criu obeys HOME and CRIU_CONFIG_FILE, which name files of options, and
// commands that it runs as root can be among these.
//
// While criu works it tells the stages that it reaches, and waits for the answer to each: see
// [Notification]. An error of [Request.Notify] refuses the stage. Then criu takes back what it
// has done: after a dump the processes go on as if nothing had been, and after a restore there
// are none. The end of a request's context is such a refusal of the next stage. Only a criu that
// gives no answer for [Criu.Grace] then is killed.
//
// What fails is an [*Error]. It quotes criu's log, for the log alone tells why.
package criurpc
