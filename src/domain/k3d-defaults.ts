/** Of a stack that can be installed on k3d and says nothing about the cluster. Apart, for workflows bundle no schemas. */
export const defaultK3dSettings: {
  image: string;
  apiPort: number;
  ports: string[];
  mirrors?: Record<string, string[]>;
} = {
  // What k3d 5.8.3 itself takes when it is told nothing.
  image: 'rancher/k3s:v1.31.5-k3s1',
  apiPort: 6443,
  // Those of the tutorial.
  ports: ['8080:80@loadbalancer', '8443:443@loadbalancer'],
};
