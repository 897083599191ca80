// A help for tests that is not in a file of tests: it brings the fakes of every client of Kubernetes, 80 packages.

package queue
