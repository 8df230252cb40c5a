// Package criuimage is a directory with the images of criu(8), and what is to be trusted
// of it. Criu restores whatever images say, with all rights and on the host, so they are
// looked at before criu sees them: who may have written them ([Folder.Check]), whether they
// are what was written at the dump ([Folder.Verify]), and whose processes they are
// ([Folder.ReadTree]).
//
// It knows no container. What a caller wants to keep with the images is the Record of their
// [Manifest].
package criuimage
