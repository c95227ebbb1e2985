package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v10/controller"
)

const provisionerName = "minishop.dev/directory"

// directories gives each claim a directory of this machine. A `local` volume rather than a
// `hostPath` one: the kubelet then honours fsGroup, and the scheduler knows where the data is.
type directories struct{ root string }

func (d directories) path(volume string) string { return filepath.Join(d.root, volume) }

func (d directories) Provision(
	_ context.Context, o controller.ProvisionOptions,
) (*v1.PersistentVolume, controller.ProvisioningState, error) {
	path := d.path(o.PVName)
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	// Pods run as any user; the root of all volumes is closed to everybody else.
	if err := os.Chmod(path, 0o777); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	return &v1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: o.PVName},
		Spec: v1.PersistentVolumeSpec{
			PersistentVolumeReclaimPolicy: *o.StorageClass.ReclaimPolicy,
			AccessModes:                   o.PVC.Spec.AccessModes,
			Capacity:                      o.PVC.Spec.Resources.Requests,
			PersistentVolumeSource: v1.PersistentVolumeSource{
				Local: &v1.LocalVolumeSource{Path: path},
			},
			NodeAffinity: &v1.VolumeNodeAffinity{Required: &v1.NodeSelector{
				NodeSelectorTerms: []v1.NodeSelectorTerm{{
					MatchExpressions: []v1.NodeSelectorRequirement{{
						Key:      v1.LabelHostname,
						Operator: v1.NodeSelectorOpIn,
						Values:   []string{o.SelectedNode.Labels[v1.LabelHostname]},
					}},
				}},
			}},
		},
	}, controller.ProvisioningFinished, nil
}

func (d directories) Delete(_ context.Context, volume *v1.PersistentVolume) error {
	return os.RemoveAll(d.path(volume.Name))
}

func provisioner() int {
	root := flag.String("root", "", "directory that holds the volumes")
	kubeconfig := flag.String("kubeconfig", "", "access to the API server")
	flag.Parse()
	ctx := genericapiserver.SetupSignalContext()
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	controller.NewProvisionController(
		klog.FromContext(ctx), kubernetes.NewForConfigOrDie(config), provisionerName,
		directories{*root}, controller.LeaderElection(false), controller.MetricsPort(0),
	).Run(ctx)
	return 0
}
